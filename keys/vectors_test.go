package keys

import (
	"crypto/ed25519"
	"crypto/sha256"
	"embed"
	"time"
)

// The files say what this package reads and writes, for other programs to read: see package vector.
//
//go:embed testdata/vectors
var vectorFiles embed.FS

// vectorSeed makes the secrets in the vectors, so that they are the same every time.
func vectorSeed(what string) [32]byte { return sha256.Sum256([]byte("ringfork vector: " + what)) }

func vectorKey(what string) ed25519.PrivateKey {
	seed := vectorSeed(what)
	return ed25519.NewKeyFromSeed(seed[:])
}

func vectorMember(what string, kind MemberKind) Member {
	return Member{publicID(vectorKey(what)), kind, CleanName(what), start,
		RecipientBytes(HybridFromSeed(vectorSeed(what + " age")).Recipient())}
}

// vectorAlice is an account with one device, as it is when it is new.
func vectorAlice() *Account {
	a := &Account{local: local{device: vectorSeed("alice phone"), age: vectorSeed("alice phone age")}}
	a.shared = shared{
		sequence: 1, name: "Alice", secret: vectorSeed("alice card"), outer: vectorSeed("alice outer"),
		public: pens{vectorSeed("alice public pen")}, private: pens{vectorSeed("alice private pen")},
		epochs: []epoch{{0, start, vectorSeed("alice inbox")}}, boxSeed: vectorSeed("alice boxes"), syncSeed: vectorSeed("alice sync"),
		log: newLog(vectorKey("alice phone")), members: []Member{vectorMember("alice phone", DeviceMember)},
	}
	return derived(a)
}

// vectorBob is an account to which a laptop, a login and another phone were added. The phone was removed again, and the inbox
// key rotated after that.
func vectorBob() *Account {
	a := &Account{local: local{device: vectorSeed("bob phone"), age: vectorSeed("bob phone age"), ageEpoch: 1}}
	phone, login := vectorKey("bob phone"), vectorSecret().signer()
	log := newLog(phone).with(phone, entryDevice, publicID(vectorKey("bob laptop"))).with(phone, entryKey, publicID(login)).
		with(login, entryDevice, publicID(vectorKey("bob old phone")))
	log = log.with(vectorKey("bob laptop"), entryRevoked, publicID(vectorKey("bob old phone")))
	a.shared = shared{
		sequence: 7, name: "Bob", secret: vectorSeed("bob card"), outer: vectorSeed("bob outer"),
		public:  pens{vectorSeed("bob public pen 2"), vectorSeed("bob public pen")},
		private: pens{vectorSeed("bob private pen 2"), vectorSeed("bob private pen")},
		epochs:  []epoch{{2, start.Add(RotateEvery), vectorSeed("bob inbox 2")}, {1, start, vectorSeed("bob inbox 1")}},
		boxes:   1, boxSeed: vectorSeed("bob boxes 2"), syncSeed: vectorSeed("bob sync 2"),
		log: log, members: []Member{vectorMember("bob phone", DeviceMember), vectorMember("bob laptop", DeviceMember),
			{publicID(login), LoginMember, "", start, RecipientBytes(vectorSecret().identity().Recipient())}},
	}
	return derived(a)
}

func vectorSecret() Secret { return vectorSeed("bob login") }

func derived(a *Account) *Account {
	if err := a.derive(); err != nil {
		panic("internal error: " + err.Error())
	}
	return a
}

// vectorNow is when everything in the vectors was written.
var vectorNow = start.Add(RotateEvery + 90*time.Minute)
