/**
 * Every error code of the module with what it means. The codes are stable: an application may branch on them.
 * How a call ended is no error: see `call.endReason`.
 */
export declare const errorCodes: Readonly<{
    "unsupported-browser": "the browser lacks something without which there are no calls: WebAssembly, WebRTC or WebSocket";
    "insecure-context": "the page came neither over https nor from localhost: the browser gives it no WebCrypto, microphone or camera";
    "wasm-load-failed": "the Wasm or its loader could not be fetched, compiled or started; openPhone may be tried again";
    crashed: "the Wasm stopped; all its phones are closed, and openPhone starts a fresh one";
    closed: "the phone is closed";
    aborted: "the given AbortSignal fired; its reason is the cause";
    "bad-argument": "an argument has the wrong type or is out of range";
    "internal-error": "something failed that should not; the cause says what";
    "bad-card": "the text is no card, or it was cut off or mistyped";
    "self-call": "the card or contact is the account's own";
    "unknown-contact": "no contact has this id";
    "contacts-full": "there are as many contacts as an account may have";
    "slot-empty": "the relay keeps nothing for this card: wrong relay, or the account was never online";
    "slot-invalid": "what the relay keeps for this card is not what the account signed";
    "unknown-request": "nobody of this id asks to be a contact";
    "safety-mismatch": "what was scanned is not the safety number of this contact: the keys that both sides have differ";
    "slot-stale": "the relay shows an older state of an account than was seen before";
    "slot-expired": "what the relay keeps of an account is more than two weeks old; its owner has to open their page once";
    "newer-version": "what the relay keeps of an account was written by a newer version of this module; load that one";
    "slot-taken": "the relay lets somebody else write in the place of this account; what changes here reaches nobody";
    "log-forked": "the relay shows a history of an account's devices that contradicts the one that was seen before";
    revoked: "this device was removed from its account by another of the account's devices";
    "unknown-device": "the account has no device of this id";
    "devices-full": "the account has 16 devices, logins and backups, as many as it may have: revoke one; or it has had as many as it ever may";
    "account-full": "the account has grown too large: remove contacts, devices or logins";
    "bad-link": "the text is no link for a new device, or of the other kind, or it was cut off or mistyped";
    "link-expired": "the link was used, is too old, or the other device is not there any more; make a new one";
    "link-rejected": "the link was rejected on the other device";
    "wrong-secret": "the secret is not that of the profile's account";
    "bad-passphrase": "the passphrase does not open the backup";
    "bad-backup": "the text is no backup, or it was cut off or changed";
    "unknown-call": "no call has this id, or it ended long ago";
    "wrong-state": "the call, the link or the profile is not in a state in which this can be done";
    "too-many-calls": "the phone is in a call already: end that one first";
    "call-ended": "the call ended before this could be done; endReason says how";
    "media-denied": "the user or the page's permissions policy refused the device";
    "media-missing": "there is no such device, it was unplugged, or the page may not ask for it (no secure context)";
    "media-busy": "the device is there but could not be opened, mostly because another program holds it";
    "relay-unreachable": "the relay did not answer, or not in time";
    "relay-refused": "the relay answered with an error that has no code here";
    "bad-origin": "the relay serves no pages of this origin: its operator has to allow it";
    "bad-proof": "the relay goes by another URL than this page uses, or the page's proof is wrong: it reads no mailbox there";
    "too-many-subscriptions": "the relay reads no more mailboxes for this page or network address: some contacts cannot call it";
    "token-missing": "the relay takes posts only with a token of its operator's: give openPhone one";
    "token-expired": "the token has expired, and there is no newer one";
    "bad-token": "the relay did not make this token, or it was changed";
    "token-failed": "the application's token function failed or took too long; the cause says how";
    "rate-limited": "the relay takes no more requests from here for a while";
    "too-many-connections": "the relay takes no more connections from this network address for now";
    "relay-full": "the relay takes no more connections for now";
    draining: "this relay is about to stop; another one, or the next one at this address, goes on";
    unavailable: "the relay cannot do its work for the moment";
    "mailbox-full": "the relay keeps no more frames for now";
    "bad-size": "the relay takes frames of one size only";
    "bad-signature": "the relay found a signature or proof wrong";
    "slot-conflict": "the slot holds another version than the one to replace";
    "not-the-writer": "what the slot holds names another writer for its next value";
    "slots-full": "the relay keeps no more slots";
    "too-large": "the value is larger than the relay keeps";
    "store-failed": "the browser's storage failed; the cause says how";
    "store-newer": "the profile was written by a newer version of this module; load that one";
    "store-conflict": "the store holds another version of this key than the one to replace";
}>;
export type ErrorCode = keyof typeof errorCodes;
/** @typedef {keyof typeof errorCodes} ErrorCode */
/**
 * The only class of error that this module throws or rejects with.
 */
export declare class RingforkError extends Error {
    /** One of {@link errorCodes}; stable. */
    code: string;
    /** How long the relay that refused asked to wait, in ms; 0 if it did not. */
    retryAfter: number;
    /**
     * @param {string} code one of {@link errorCodes}
     * @param {string} [message] the code's meaning when left out
     * @param {{ cause?: unknown }} [options]
     */
    constructor(code: string, message?: string, options?: {
        cause?: unknown;
    });
}
/**
 * Makes a RingforkError of whatever was thrown: a RingforkError stays itself, an error with a code (the Wasm's) keeps
 * the code and how long the relay asked to wait, anything else gets the code `otherwise`. The original is the cause.
 * @param {unknown} thrown
 * @param {ErrorCode} [otherwise]
 * @returns {RingforkError}
 */
export declare function toRingforkError(thrown: unknown, otherwise?: ErrorCode): RingforkError;
/** @param {unknown} error */
export declare function isFinal(error: unknown): boolean;
