package signalcore

// tine is one leg of a call: this endpoint and one other, with at most one peer connection.
type tine struct {
	call     *call
	endpoint EndpointID // the other side's
	label    string     // the other side's, as it told it

	conn   ConnID // 0: none
	offers bool   // this side made the connection's offer
	sdp    string // own description, from Described on
	sent   bool   // own description was sent
	theirs bool   // the other side's description was given to the connection
	open   bool   // the control channel is open
	failed bool   // the connection failed before it opened

	mine    []Candidate // found, not sent yet
	mineAll bool
	held    []Candidate // received, but their description was not yet
	heldAll bool
	alarms  alarms

	answerID   MessageID // at the caller: of the answer
	generation uint32    // of the connection, see Restart
	wonID      MessageID // at the caller: of the won
	wonPosted  bool      // at the caller: by mailbox, not only told
	stateSeq   uint32    // of the last state told
}

// connect begins a connection in which this side offers.
func (m *Machine) connect(t *tine) {
	m.newConn(t)
	t.offers = true
	m.emit(Connect{Conn: t.conn, Call: t.call.id})
}

// answering begins a connection in which this side answers an offer.
func (m *Machine) answering(t *tine, sdp string) {
	m.newConn(t)
	t.theirs = true
	m.emit(Answering{Conn: t.conn, Call: t.call.id, SDP: sdp})
	m.giveHeld(t)
}

func (m *Machine) newConn(t *tine) {
	m.disconnect(t)
	m.lastID++
	t.conn = m.lastID
	m.conns[t.conn] = t
}

// disconnect closes a tine's connection, if it has one, and forgets what belonged to it.
func (m *Machine) disconnect(t *tine) {
	t.alarms = alarms{}
	if t.conn == 0 {
		return
	}
	m.emit(Disconnect{Conn: t.conn})
	delete(m.conns, t.conn)
	*t = tine{call: t.call, endpoint: t.endpoint, label: t.label, held: t.held, heldAll: t.heldAll,
		answerID: t.answerID, wonID: t.wonID, wonPosted: t.wonPosted, stateSeq: t.stateSeq}
	t.call.dirty = true
}
