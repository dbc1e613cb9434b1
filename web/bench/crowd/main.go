// Command crowd prints the list of a thousand contacts as a profile stores it, for the benchmark that opens a phone with so
// many.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"ringfork/keys"
)

func main() {
	n := flag.Int("n", keys.MaxContacts, "how many contacts")
	flag.Parse()
	if err := run(*n); err != nil {
		fmt.Fprintln(os.Stderr, "crowd:", err)
		os.Exit(1)
	}
}

func run(n int) error {
	now := time.Now()
	var list keys.Contacts
	for i := range n {
		a := keys.NewAccount(fmt.Sprintf("Person %d", i), "laptop", now)
		p := a.Public(now)
		if err := list.Add(keys.Contact{Name: p.Name, Card: a.Card(), Public: p}); err != nil {
			return err
		}
		list.SetMailbox(a.ID(), a.MailboxFor(a.ID()).Address(), 0)
		list.SetGreeted(a.ID(), 0) // nobody is there to be greeted
	}
	b, err := list.MarshalBinary()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(b)
	return err
}
