package fork

// EndpointID names one running instance of a device: a tab, a process. It is random and lives as long as the instance.
type EndpointID [16]byte

// DeviceID names one device: its Ed25519 public key.
type DeviceID [32]byte
