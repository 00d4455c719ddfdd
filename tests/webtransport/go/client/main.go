// Clients of tests/webtransport/README.md in Go: webtransport-go and, as `quic-go`, the HTTP/3 client alone.
//
//	client webtransport-go|quic-go --url https://HOST:PORT --path PATH --ca FILE CASE...
//
// Prints a line of JSON for each case.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"log"
	"os"
	"runtime/debug"
	"time"
)

// How long a case may take.
const patience = 20 * time.Second

// unable says why a client has no way to try a case.
type unable string

func (u unable) Error() string { return string(u) }

// target is where the cases of a run are played.
type target struct {
	// Of the server, without a path.
	url string
	// Where the application is.
	path string
	tls  *tls.Config
}

type result struct {
	Client  string `json:"client"`
	Version string `json:"version"`
	Case    string `json:"case"`
	Result  string `json:"result"`
	Note    string `json:"note"`
}

func main() {
	client := os.Args[1]
	flags := flag.NewFlagSet(client, flag.ExitOnError)
	url := flags.String("url", "", "the server")
	path := flags.String("path", "", "where the application is")
	ca := flags.String("ca", "", "the certificate that the server has")
	flags.Parse(os.Args[2:])
	cases, module := map[string]func(context.Context, target) error(nil), ""
	switch client {
	case "webtransport-go":
		cases, module = sessionCases, "github.com/quic-go/webtransport-go"
	case "quic-go":
		cases, module = requestCases, "github.com/quic-go/quic-go"
	default:
		log.Fatalf("there is no client %s", client)
	}
	to := target{*url, *path, trusting(*ca)}
	for _, name := range flags.Args() {
		outcome := result{client, version(module), name, "pass", ""}
		if err := play(cases[name], to); err != nil {
			outcome.Result, outcome.Note = "fail", err.Error()
			if errors.As(err, new(unable)) {
				outcome.Result = "cannot"
			}
		}
		json.NewEncoder(os.Stdout).Encode(outcome)
	}
}

func play(run func(context.Context, target) error, to target) error {
	if run == nil {
		return unable("there is no such case for this client")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return run(ctx, to)
}

func trusting(file string) *tls.Config {
	pem, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots, NextProtos: []string{"h3"}}
}

// version answers which version of a module this was built with.
func version(module string) string {
	build, _ := debug.ReadBuildInfo()
	for _, dependency := range build.Deps {
		if dependency.Path == module {
			return dependency.Version
		}
	}
	return ""
}
