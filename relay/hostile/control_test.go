package hostile

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func (w *world) control(text string) (int, string) {
	w.t.Helper()
	res := httptest.NewRecorder()
	req := httptest.NewRequest("POST", "/control", strings.NewReader(text))
	req.RemoteAddr = "127.0.0.1:1"
	w.ServeHTTP(res, req)
	return res.Code, strings.TrimSpace(res.Body.String())
}

func TestControl(t *testing.T) {
	w := newWorld(t, nil)
	w.listen()
	for _, text := range []string{
		`{"add": {"do": "drop", "to": "` + w.a.name() + `", "count": 1}}`,
		` [{"add": {"do": "duplicate", "to": "` + w.b.name() + `"}}, {"add": {"do": "flip", "byte": 100, "to": "` + w.b.name() + `"}}]`,
	} {
		if status, body := w.control(text); status != 204 {
			t.Fatalf("%s: %d %s", text, status, body)
		}
	}
	w.post(w.a, 1, 2)
	w.post(w.b, 3)
	w.expect("a 2", "b 3 changed", "b 3 changed")
	if status, body := w.control(`[{"clear": true}, {"replay": {"frame": 0}}]`); status != 204 {
		t.Fatalf("%d %s", status, body)
	}
	w.expect("a 1")
	if status, body := w.control(`{"cut": true}`); status != 204 {
		t.Fatalf("%d %s", status, body)
	}
	w.expect("connecting", "online")

	status, body := w.get("/control/record")
	var r Record
	if err := json.Unmarshal([]byte(body), &r); err != nil || status != 200 {
		t.Fatalf("record: %d, %v", status, err)
	}
	if len(r.Frames) != 3 || r.Frames[2].To != w.b.name() || !slices.Equal(r.Frames[2].Bytes, frame(3)) ||
		!slices.Equal(r.Frames[2].Fate, []string{"duplicate", "flip"}) || r.Slots == nil {
		t.Errorf("record: %+v", r.Frames)
	}
}

func TestControlRefuses(t *testing.T) {
	w := newWorld(t, nil)
	a := w.a.name()
	for _, text := range []string{
		``, `{}`, `[{}]`, `[{"clear": true}, {}]`, `no JSON`, `{"clear": 1}`, `{"drop": true}`,
		`{"add": {"do": "dorp"}}`, `{"add": {"do": "drop", "too": "x"}}`, `{"add": {"do": "drop", "to": "x"}}`,
		`{"add": {"do": "drop", "to": "` + strings.ToUpper(a[:39]+"a") + `"}}`,
		`{"add": {"do": "delay"}}`, `{"add": {"do": "flip", "byte": 4096}}`, `{"add": {"do": "truncate", "size": 4096}}`,
		`{"add": {"do": "swap", "to": "` + a + `"}}`, `{"add": {"do": "redirect"}}`, `{"add": {"do": "fail"}}`,
		`{"add": {"do": "refuse-mailbox"}}`, `{"add": {"do": "other-value"}}`, `{"replay": {"frame": 0}}`,
	} {
		if status, body := w.control(text); status != http.StatusBadRequest || body == "" {
			t.Errorf("%s: %d %s", text, status, body)
		}
	}
	res := httptest.NewRecorder()
	req := httptest.NewRequest("GET", "/control/record", nil)
	req.RemoteAddr = "192.0.2.1:1"
	if w.ServeHTTP(res, req); res.Code != http.StatusForbidden {
		t.Errorf("control from elsewhere: %d", res.Code)
	}
}
