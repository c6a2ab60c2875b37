package koodrive_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"koodrive"
)

func TestARunIsTakenUp(t *testing.T) {
	s := newSandbox(t, options{"faults": []options{
		{"match": options{"from": 1, "count": 1}, "fault": options{"status": options{"status": 401}}},
	}})
	client := s.client(t, func(c *koodrive.Config) { c.MaxConnections = 1 })
	journal := filepath.Join(t.TempDir(), "journal")
	report, err := client.DeleteScopes(t.Context(), device, ids(250), koodrive.WithJournal(journal))
	if !errors.Is(err, koodrive.ErrUnauthorized) {
		t.Fatalf("got %v, want %v", err, koodrive.ErrUnauthorized)
	}
	expect(t, "deleted at first", report.Tally(koodrive.Deleted), 100)
	for _, requests := range []int{2, 0} {
		report, err = client.DeleteScopes(t.Context(), device, ids(250), koodrive.WithJournal(journal))
		expect(t, "error", err, nil)
		expect(t, "deleted", report.Tally(koodrive.Deleted), 150)
		expect(t, "not found", report.Tally(koodrive.NotFound), 100)
		expect(t, "requests", report.RequestCount(), requests)
	}
}

func TestJournalsThatCanNotBeUsed(t *testing.T) {
	s := newSandbox(t, nil)
	client := s.client(t)
	folder := t.TempDir()
	notes := filepath.Join(folder, "notes")
	if err := os.WriteFile(notes, []byte("my notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, named := range map[string]string{
		notes:         "no journal",
		folder:        "directory",
		"":            "journal_path",
		"a\x00b":      "journal_path",
		"/none/there": "No such file",
	} {
		report, err := client.DeleteScopes(t.Context(), device, ids(1), koodrive.WithJournal(path))
		refused(t, err, named)
		expect(t, "report", report, nil)
	}
	expect(t, "requests", s.totals(t).Requests, 0)
}
