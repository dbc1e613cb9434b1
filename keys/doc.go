// Package keys answers one question: who is this, and may I trust it?
//
// A person is an [Account]: a log of signed device changes, named by the hash of its first entry. [NewAccount] makes one,
// [ParseAccount] reads one back from where the profile keeps it.
//
// To be found, an account gives out its [Card] ([Account.Card], as text by [Card.Code] and [Card.Link]) and keeps a signed,
// sealed value in its slot at the relay ([Account.SlotValue]). Who has the card reads it with [ParseCard] and the slot with
// [OpenSlot], which verifies everything in it and gives the account's [Public] part: its devices and the mailbox and age
// recipient to ring it by. What an account knows of others is its [Contacts].
//
// A [Mailbox] is an address at the relay that only its holder can read. The age identities for calls are made from seeds by
// [HybridFromSeed]; recipients travel as raw bytes ([RecipientBytes], [ParseRecipient]).
//
// The package does no I/O. What it parses it parses strictly: every size is bounded first, and trailing bytes are refused.
package keys
