package rest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// config is the gateway's. Hosts other than `api.test` have something special.
const config = `
[admin]
listen = "127.0.0.1:0"

[access_log]
path = "/dev/null"

[[listeners]]
listen = "127.0.0.1:0"

[[listeners]]
listen = "127.0.0.1:0"
tls = { cert = "certificate.pem", key = "key.pem" }
quic = true

[[routes]]
name = "keys"
hosts = ["keys.test"]
services = ["library.v1.*"]
cluster = "library"
filters = [
  { use = "cors", allow_origins = ["https://app.example.com"], allow_headers = ["x-api-key", "x-call"] },
  { use = "api_key", keys = [{ identity = "alice", key = "open-sesame-0123456789" }] },
]

[[routes]]
name = "slow"
hosts = ["slow.test"]
services = ["library.v1.*"]
cluster = "library"
filters = [{ use = "rate_limit", key = "route", rate = 1, per = "1h", burst = 1 }]

[[routes]]
name = "small"
hosts = ["small.test"]
services = ["library.v1.*"]
cluster = "library"
max_request_message = "64B"
max_response_message = "64B"

[[routes]]
name = "some"
hosts = ["some.test"]
methods = ["/library.v1.Library/GetShelf"]
cluster = "library"

[[routes]]
name = "nobody"
hosts = ["nobody.test"]
services = ["library.v1.*"]
cluster = "nobody"

[[routes]]
name = "rest"
hosts = ["api.test"]
services = ["library.v1.*", "everything.v1.*"]
cluster = "library"

[[routes]]
name = "site"
hosts = ["api.test"]
cluster = "site"

[[clusters]]
name = "library"
endpoints = ["http://UPSTREAM"]
descriptors = { protos = ["PROTOS"] }

[[clusters]]
name = "nobody"
endpoints = ["http://127.0.0.1:1"]
descriptors = { protos = ["PROTOS"] }

[[clusters]]
name = "site"
protocol = "http"
endpoints = ["http://SITE"]
`

// strictConfig is that of a gateway which reads and writes JSON in other ways.
const strictConfig = `
[access_log]
path = "/dev/null"

[[listeners]]
listen = "127.0.0.1:0"

[[routes]]
cluster = "library"

[[clusters]]
name = "library"
endpoints = ["http://UPSTREAM"]
descriptors = { protos = ["PROTOS"] }

[clusters.json]
reject_unknown_fields = true
always_print_fields = true
preserve_proto_names = true
enums_as_numbers = true
int64_as_numbers = true
`

// patience is how long anything may take, on a machine that is busy building.
const patience = 30 * time.Second

// gateway is the program under test.
type gateway struct {
	process   *exec.Cmd
	addresses map[string]string
	// authority is the certificate that clients are to trust.
	authority *x509.CertPool
	folder    string
}

func startGateway(config, upstream, site string) (*gateway, error) {
	folder, err := os.MkdirTemp("", "sluicegate-rest-")
	if err != nil {
		return nil, err
	}
	gw := &gateway{addresses: map[string]string{}, folder: folder}
	if gw.authority, err = writeCertificate(folder); err != nil {
		return nil, err
	}
	directory, err := filepath.Abs(protos)
	if err != nil {
		return nil, err
	}
	text := strings.NewReplacer("UPSTREAM", upstream, "SITE", site, "PROTOS", directory).Replace(config)
	path := filepath.Join(folder, "gateway.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	binary := os.Getenv("SLUICEGATE_BIN")
	if binary == "" {
		binary = "../../../target/debug/sluicegate"
	}
	gw.process = exec.Command(binary, "run", "--config", path)
	gw.process.Stderr = os.Stderr
	output, err := gw.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := gw.process.Start(); err != nil {
		return nil, err
	}
	timer := time.AfterFunc(patience, func() { gw.process.Process.Kill() })
	defer timer.Stop()
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if lines.Text() == "ready" {
			go io.Copy(io.Discard, output)
			return gw, nil
		}
		if words := strings.Fields(lines.Text()); len(words) == 3 && words[0] == "listening" {
			gw.addresses[words[1]] = words[2]
		}
	}
	return nil, fmt.Errorf("the gateway did not become ready: %v", gw.process.Wait())
}

// stop asks the gateway to end, which it must do with exit code 0.
func (gw *gateway) stop() error {
	defer os.RemoveAll(gw.folder)
	if err := gw.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	timer := time.AfterFunc(patience, func() { gw.process.Process.Kill() })
	defer timer.Stop()
	return gw.process.Wait()
}

// writeCertificate makes a throw-away certificate for 127.0.0.1 that is its own authority.
func writeCertificate(folder string) (*x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(30 * 24 * time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:              []string{"localhost", "*.test"},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	if err := os.WriteFile(filepath.Join(folder, "certificate.pem"), public, 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, "key.pem"), private, 0o600); err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(public)
	return pool, nil
}

// startSite serves ordinary HTTP, and says who answers and what was asked.
func startSite() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "the site: %s %s", r.Method, r.RequestURI)
	}))
}
