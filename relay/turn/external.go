package turn

import (
	"time"

	"ringfork/relay"
)

// External is a TURN server that somebody else runs, such as coturn, and that takes credentials of the TURN REST API by a
// secret it shares with the relay (coturn: use-auth-secret, static-auth-secret).
type External struct {
	URLs   []string // of RFC 7064 and RFC 7065
	Secret []byte
}

// ICEServers returns the server as clients are to be told of it, with new credentials and for how long they are good.
func (e External) ICEServers() ([]relay.ICEServer, time.Duration) {
	return (&credentials{secret: e.Secret, now: time.Now}).iceServers(e.URLs)
}
