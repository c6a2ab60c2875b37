package koodrive_test

import (
	"errors"
	"runtime"
	"testing"

	"koodrive"
)

// copyOf copies what go vet would tell not to copy.
func copyOf[T any](original *T) *T {
	copied := new(T)
	*copied = *original
	return copied
}

// collectAll lets the collector find what is gone, and its cleanups free that.
func collectAll() {
	for range 3 {
		runtime.GC()
		runtime.Gosched()
	}
}

func planOf(t *testing.T, ids ...string) *koodrive.Plan {
	t.Helper()
	plan := new(koodrive.Plan)
	if err := plan.Add(device, ids); err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestACopyOfAPlanIsRefused(t *testing.T) {
	s := newSandbox(t, nil)
	client := s.client(t)
	copied := copyOf(planOf(t, ids(3)...)) // Nobody holds the original.
	collectAll()
	others := make([]*koodrive.Plan, 100) // They may lie where the original did.
	for index := range others {
		others[index] = planOf(t, ids(50)[10:]...)
	}
	refused(t, copied.Add(device, ids(1)), "plan: is a copy")
	refused(t, copied.AddLinesFor(user, device, []byte("1\n")), "plan: is a copy")
	expect(t, "ids", copied.ScopeCount(), 0)
	expect(t, "requests", copied.RequestCount(), 0)
	report, err := client.DeletePlan(t.Context(), copied)
	refused(t, err, "plan: is a copy")
	if report != nil {
		t.Errorf("got %v", report)
	}
	expect(t, "deleted", s.totals(t).Deleted, 0)
	expect(t, "ids of another", others[0].ScopeCount(), 40)
}

func TestACopyOfAnUnusedPlanIsAnother(t *testing.T) {
	var plan koodrive.Plan
	copied := copyOf(&plan)
	for _, plan := range []*koodrive.Plan{&plan, copied, copied} {
		if err := plan.Add(device, ids(1)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "ids of the original", plan.ScopeCount(), 1)
	expect(t, "ids of the copy", copied.ScopeCount(), 2)
}

func TestACopyOfAReportIsTheSame(t *testing.T) {
	s := newSandbox(t, options{"rejected_ids": options{"7": options{"error_code": "15000999", "msg": "locked"}}})
	reportOf := func() *koodrive.Report {
		report, err := s.client(t).DeleteScopes(t.Context(), device, []string{"7", "345"})
		if err != nil {
			t.Fatal(err)
		}
		return copyOf(report)
	}
	copied := reportOf()
	collectAll()
	for range 100 {
		reportOf()
	}
	expect(t, "outcomes", copied.Outcomes(), []koodrive.Outcome{koodrive.Rejected, koodrive.NotFound})
	for _, scope := range copied.Failures() {
		expect(t, "failure", scope.ScopeID+" "+scope.Message, "7 locked")
	}
}

func TestACopyOfAClientIsTheSame(t *testing.T) {
	s := newSandbox(t, nil)
	original, err := koodrive.NewClient(koodrive.Config{Endpoint: s.url, UserID: user, AccessToken: "a-token"})
	if err != nil {
		t.Fatal(err)
	}
	copied := copyOf(original) // Nobody holds the original from here on.
	collectAll()
	if _, err := copied.DeleteScopes(t.Context(), device, ids(1)); err != nil {
		t.Fatal(err)
	}
	another := copyOf(copied)
	for _, client := range []*koodrive.Client{copied, another} {
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := another.DeleteScopes(t.Context(), device, ids(1)); !errors.Is(err, koodrive.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestACopyOfAMonitorIsTheSame(t *testing.T) {
	s := newSandbox(t, nil)
	var monitor koodrive.Monitor
	if _, err := s.client(t).DeleteScopes(t.Context(), device, ids(2), koodrive.WithMonitor(&monitor)); err != nil {
		t.Fatal(err)
	}
	copied := copyOf(&monitor)
	runtime.KeepAlive(&monitor)
	collectAll()
	done, total := copied.Progress()
	expect(t, "progress", []int{done, total}, []int{2, 2})
	copied.Abandon()
	_, err := s.client(t).DeleteScopes(t.Context(), device, ids(2), koodrive.WithMonitor(copied))
	if !errors.Is(err, koodrive.ErrCancelled) {
		t.Errorf("got %v", err)
	}
}

func TestZeroValuesAreEmpty(t *testing.T) {
	s := newSandbox(t, nil)
	var report koodrive.Report
	expect(t, "length", report.Len(), 0)
	expect(t, "requests", report.RequestCount(), 0)
	expect(t, "tally", report.Tally(koodrive.NotSent), 0)
	expect(t, "outcomes", len(report.Outcomes()), 0)
	expect(t, "scopes", len(outcomesOf(&report)), 0)
	expect(t, "unfinished", report.Unfinished().ScopeCount(), 0)
	for range report.Failures() {
		t.Error("a failure of nothing")
	}
	whole, err := s.client(t).DeletePlan(t.Context(), report.Unfinished())
	if err != nil || whole.Len() != 0 {
		t.Errorf("got %v, %v", whole, err)
	}
	var none *koodrive.Plan
	refused(t, none.Add(device, ids(1)), "plan: must not be nil")
	_, err = s.client(t).DeletePlan(t.Context(), none)
	refused(t, err, "plan: must not be nil")
}
