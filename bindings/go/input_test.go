package koodrive_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"koodrive"
)

func refused(t *testing.T, err error, named string) {
	t.Helper()
	if !errors.Is(err, koodrive.ErrInvalidArgument) {
		t.Errorf("got %v, want %v", err, koodrive.ErrInvalidArgument)
	} else if !strings.Contains(err.Error(), named) {
		t.Errorf("%v does not name %q", err, named)
	}
}

func TestBadIDsAreRefused(t *testing.T) {
	s := newSandbox(t, nil)
	client := s.client(t)
	for name, id := range map[string]string{
		"empty":           "",
		"space":           "12 3",
		"newline":         "1\n2",
		"newline at end":  "12\n",
		"only a newline":  "\n",
		"NUL":             "1\x002",
		"invalid UTF-8":   "1\xff2",
		"half surrogate":  "1\xed\xa0\x802",
		"not ASCII":       "１２３",
		"carriage return": "12\r",
		"rounded":         "1842846715527366700VW5TYWZlSW50ZWdlcg==",
		"float":           "1.8428467155270001e+18",
		"long":            strings.Repeat("1", 129),
		"huge":            strings.Repeat("1", 10_000_000) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			report, err := client.DeleteScopes(t.Context(), device, []string{"1", id, ""})
			refused(t, err, "scope_ids[1]")
			if report != nil {
				t.Error("there is a report of nothing")
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
	expect(t, "connections", s.totals(t).Connections, 1) // This look at the ledger.
}

func TestBadUsersAndDevicesAreRefused(t *testing.T) {
	var plan koodrive.Plan
	for _, text := range []string{"", "a\x00b", "a\xffb", "a\nb"} {
		refused(t, plan.AddFor(text, device, ids(1)), "user_id")
		refused(t, plan.AddLinesFor(text, device, []byte("1\n")), "user_id")
		refused(t, plan.Add(text, ids(1)), "device_id")
		refused(t, plan.AddLines(text, []byte("1\n")), "device_id")
	}
	refused(t, plan.Add("..", ids(1)), "device_id")
	refused(t, plan.AddLines(device, []byte("1\n\n2")), "scope_ids[1]")
	refused(t, plan.AddLines(device, []byte("1\n\xff")), "text")
	expect(t, "ids", plan.ScopeCount(), 0)
}

func TestBadPlansAreRefused(t *testing.T) {
	s := newSandbox(t, nil)
	_, err := s.client(t).DeletePlan(t.Context(), nil)
	refused(t, err, "plan")
	nobody := s.client(t, func(config *koodrive.Config) { config.UserID = "" })
	_, err = nobody.DeleteScopes(t.Context(), device, ids(1))
	refused(t, err, "user_id")
	refused(t, nobody.SetAccessToken(""), "access_token")
	refused(t, nobody.SetAccessToken("a\x00b"), "access_token")
	refused(t, nobody.SetAuthorization("a\x00b"), "authorization")
	expect(t, "connections", s.totals(t).Connections, 1) // This look at the ledger.
}

func TestBadConfigsAreRefused(t *testing.T) {
	good := koodrive.Config{Endpoint: "https://koodrive.test", AccessToken: "sesame"}
	for _, wrong := range []struct {
		named  string
		change func(*koodrive.Config)
	}{
		{"endpoint", func(c *koodrive.Config) { c.Endpoint = "" }},
		{"endpoint", func(c *koodrive.Config) { c.Endpoint = "http://koodrive.test" }},
		{"endpoint", func(c *koodrive.Config) { c.Endpoint = "https://koodrive.test\x00" }},
		{"user_id", func(c *koodrive.Config) { c.UserID = "a\nb" }},
		{"authorization", func(c *koodrive.Config) { c.AccessToken = "" }},
		{"access_token", func(c *koodrive.Config) { c.AccessToken = "sesame\n" }},
		{"AccessToken", func(c *koodrive.Config) { c.Authorization = "sesame" }},
		{"AccessToken", func(c *koodrive.Config) { c.AppID, c.AppSecret = "1", "sesame" }},
		{"app_secret", func(c *koodrive.Config) { c.AccessToken, c.AppID = "", "1" }},
		{"app_id", func(c *koodrive.Config) { c.AccessToken, c.AppSecret = "", "sesame" }},
		{"ca_file", func(c *koodrive.Config) { c.CAFile = "/there/is/no/such/file" }},
		{"proxy", func(c *koodrive.Config) { c.Proxy = "socks5://u:sesame@proxy" }},
		{"RequestTimeout", func(c *koodrive.Config) { c.RequestTimeout = -1 }},
		{"run_timeout_ms", func(c *koodrive.Config) { c.RunTimeout = 366 * 24 * time.Hour }},
		{"max_outage_ms", func(c *koodrive.Config) { c.MaxOutage = 366 * 24 * time.Hour }},
		{"max_attempts", func(c *koodrive.Config) { c.MaxAttempts = 101 }},
		{"MaxConnections", func(c *koodrive.Config) { c.MaxConnections = -1 }},
		{"MaxRequestsPerSecond", func(c *koodrive.Config) { c.MaxRequestsPerSecond = -1 }},
	} {
		config := good
		wrong.change(&config)
		client, err := koodrive.NewClient(config)
		refused(t, err, wrong.named)
		if client != nil {
			t.Error("there is a client")
		}
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("a secret is told: %v", err)
		}
	}
}

func TestConfigFromEnv(t *testing.T) {
	t.Setenv("KOODRIVE_MAX_ATTEMPTS", "none")
	_, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	refused(t, err, "KOODRIVE_MAX_ATTEMPTS")
	t.Setenv("KOODRIVE_MAX_ATTEMPTS", "")
	s := newSandbox(t, options{"tokens": []options{{"value": "of the field"}}})
	t.Setenv("KOODRIVE_ENDPOINT", s.url)
	config := koodrive.ConfigFromEnv()
	config.AccessToken = "of the field"
	client, err := koodrive.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.DeleteScopes(t.Context(), device, ids(1)); err != nil {
		t.Error(err)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	config := koodrive.Config{
		Endpoint: "https://koodrive.test", AccessToken: "sesame", Authorization: "sesame",
		AppID: "an-app", AppSecret: "sesame", Proxy: "http://u:sesame@proxy",
	}
	shown := fmt.Sprintf("%v %+v %#v %s %+v", config, config, config, &config, struct{ Config koodrive.Config }{config})
	text, err := json.Marshal(map[string]any{"config": config})
	if err != nil {
		t.Fatal(err)
	}
	if shown += string(text); strings.Contains(shown, "sesame") {
		t.Errorf("a secret is told: %s", shown)
	}
	expect(t, "what may be shown is", strings.Count(shown, "koodrive.test"), 6)
	expect(t, "the config itself", config.AppSecret, "sesame")
}

func TestNamesAreThoseOfTheLibrary(t *testing.T) {
	expect(t, "outcome", koodrive.NotFound.String(), "NOT_FOUND")
	expect(t, "outcome of a later library", koodrive.Outcome(-1).String(), "UNDEFINED")
	expect(t, "status", koodrive.ErrTimedOut.String(), "TIMED_OUT")
	expect(t, "status as an error", koodrive.ErrTimedOut.Error(), "koodrive: TIMED_OUT")
	expect(t, "version", strings.Count(koodrive.Version(), "."), 2)
}
