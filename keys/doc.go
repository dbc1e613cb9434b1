// Package keys answers one question: who is this, and may I trust it?
//
// A person is an [Account]: a log of signed device changes, named by the hash of its first entry, as one of its devices holds
// it. [NewAccount] makes one, [ParseAccount] reads one back from where the profile keeps it.
//
// # To be found
//
// An account gives out its [Card] ([Account.Card], as text by [Card.Code] and [Card.Link], read by [ParseCard]) and keeps a
// signed, sealed value in its slot at the relay ([Account.SlotValue]; [Account.JudgeSlot] tells when to write it anew). Who has
// the card reads it with [OpenSlot], which verifies everything in it and gives the account's [Public] part: its devices, and
// the mailbox and age recipient to ring it by.
//
// # To be trusted
//
// What an account knows of others is its [Contacts]. [Contact.Check] judges whether a public part that was just read may
// stand where an older one stood. [SafetyNumber] gives two owners something to compare, and [Contacts.SetVerified] notes
// that they did.
//
// # Several devices
//
// The devices of an account share its private part, sealed to each of them in a slot of its own. Every change goes
//
//	value := ... // read the slot at account.PrivateAddress()
//	private, err := account.OpenPrivate(value)
//	account.Adopt(private)
//	contacts.Merge(private.Contacts())
//	// the change: AddDevice, Revoke, Rotate, RefreshKey, AddSecret, SetName, SetLabel, or one of Contacts
//	next, err := account.PrivateValue(value, contacts)
//	// write next in place of value; where another device was faster, begin again
//	account.Written()
//
// A device is added by the hand of another one ([NewLinkSecret], [NewApprover], [Joiner.Requester], then [Joiner.Open]), by a
// login's [Secret] ([Account.AddSecret], [Secret.SlotValue], [Joiner.Enter]), or by a backup ([Account.Backup], [SealBackup],
// [OpenBackup], [ParseBackup], [Saved.Enter]). A [Locator] says where an account is.
//
// # Keys for calls
//
// A [Mailbox] is an address at the relay that only its holder can read; an account's own are [Account.Inbox],
// [Account.MailboxFor] and [Account.SyncMailbox]. The age identities for calls are made from seeds by [HybridFromSeed];
// recipients travel as raw bytes ([RecipientBytes], [ParseRecipient]). Whatever is signed is a [Statement].
//
// The package does no I/O. What it parses it parses strictly: every size is bounded first, trailing bytes are refused, and
// what is read is written again to the same bytes. docs/PROTOCOL.md says what the bytes are, testdata/vectors shows them.
package keys
