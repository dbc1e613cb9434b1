package peer

import (
	"testing"
)

func TestQueueKeepsOrderAndBounds(t *testing.T) {
	entered, leave := make(chan Event), make(chan struct{})
	q := newQueue(func(e Event) {
		entered <- e
		<-leave
	})
	q.put(ChannelOpen{})
	<-entered // the queue is held up from here on
	for i := range maxWaiting + 10 {
		q.put(ChannelMessage{[]byte{byte(i), byte(i >> 8)}})
	}
	q.put(ChannelClosed{})
	for i := range maxWaiting {
		leave <- struct{}{}
		m, ok := (<-entered).(ChannelMessage)
		if !ok || int(m.Data[0])|int(m.Data[1])<<8 != i {
			t.Fatalf("message %d: got %v", i, m)
		}
	}
	leave <- struct{}{}
	if e := <-entered; e != Event(ChannelClosed{}) {
		t.Fatalf("got %v after the messages", e)
	}
	for range maxWaitingBytes/MaxMessage + 1 {
		q.put(ChannelMessage{make([]byte, MaxMessage)})
	}
	if q.messages != maxWaitingBytes/MaxMessage {
		t.Errorf("%d long messages wait", q.messages)
	}
	q.close()
	q.put(ChannelOpen{})
	leave <- struct{}{}
	select {
	case e := <-entered:
		t.Errorf("%v after close", e)
	default:
	}
	if _, closed := q.next(); !closed {
		t.Error("not closed")
	}
}
