package koodrive_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"koodrive"
)

const (
	user   = "1505084218764547200"
	device = "1842812272691451648"
)

// TestMain starts the sandbox that the examples run on.
func TestMain(m *testing.M) {
	shared, err := startSandbox("--auto", "9")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv("KOODRIVE_ENDPOINT", shared.url)
	os.Setenv("KOODRIVE_USER_ID", user)
	os.Setenv("KOODRIVE_ACCESS_TOKEN", "a-token")
	status := m.Run()
	shared.stop()
	os.Exit(status)
}

// sandbox is a running koodrive-sandbox; tests/sandbox/README.md describes it.
type sandbox struct {
	url  string
	stop func()
}

func startSandbox(arguments ...string) (*sandbox, error) {
	program := os.Getenv("KOODRIVE_SANDBOX")
	if program == "" {
		program = filepath.Join("..", "..", "target", "debug", "koodrive-sandbox")
	}
	command := exec.Command(program, append(arguments, "--until-stdin-closes")...)
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("%w: run `make sandbox`, or set KOODRIVE_SANDBOX", err)
	}
	url, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the sandbox's address: %w", err)
	}
	stop := func() {
		input.Close()
		command.Wait()
	}
	return &sandbox{strings.TrimSpace(url), stop}, nil
}

// options are the sandbox's, as its --options file has them.
type options map[string]any

// newSandbox starts a sandbox for one test. On each of its devices the 150 ids that ids(150) returns exist.
func newSandbox(t testing.TB, more options) *sandbox {
	t.Helper()
	all := options{"scopes": options{"auto": options{"count": 150}}}
	for name, value := range more {
		all[name] = value
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "options.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := startSandbox("--options", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

// client returns a client of the sandbox.
func (s *sandbox) client(t testing.TB, change ...func(*koodrive.Config)) *koodrive.Client {
	t.Helper()
	config := koodrive.Config{Endpoint: s.url, UserID: user, AccessToken: "a-token"}
	for _, change := range change {
		change(&config)
	}
	client, err := koodrive.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func oneConnection(config *koodrive.Config) {
	config.MaxConnections = 1
}

type totals struct {
	Requests        int
	Deleted         int
	Connections     int
	OpenConnections int `json:"open_connections"`
}

func (s *sandbox) totals(t testing.TB) totals {
	t.Helper()
	// On connections of its own: the test counts those of the client.
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := (&http.Client{Transport: transport}).Get(s.url + "/sandbox/ledger?summary=1")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var ledger struct{ Totals totals }
	if err := json.NewDecoder(answer.Body).Decode(&ledger); err != nil {
		t.Fatal(err)
	}
	return ledger.Totals
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("did not happen: %s", what)
		}
	}
}

// ids returns the first ids that the sandbox generates, or would generate, for a device.
func ids(count int) []string {
	ids := make([]string, count)
	for i := range ids {
		ids[i] = fmt.Sprint(1842846715527000000 + i)
	}
	return ids
}
