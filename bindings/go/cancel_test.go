package koodrive_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"koodrive"
)

// start runs a plan of 300 ids over one connection in a goroutine.
func start(t *testing.T, ctx context.Context, s *sandbox, monitor *koodrive.Monitor) (finish func() (*koodrive.Report, error)) {
	t.Helper()
	client := s.client(t, oneConnection)
	type result struct {
		report *koodrive.Report
		err    error
	}
	returned := make(chan result, 1)
	go func() {
		report, err := client.DeleteScopes(ctx, device, ids(300), koodrive.WithMonitor(monitor))
		returned <- result{report, err}
	}()
	return func() (*koodrive.Report, error) {
		result := <-returned
		return result.report, result.err
	}
}

func TestCancelWaitsForTheAnswersUnderWay(t *testing.T) {
	s := newSandbox(t, options{"scopes": "everything", "latency_ms": 3000})
	why := errors.New("the user went away")
	ctx, cancel := context.WithCancelCause(t.Context())
	finish := start(t, ctx, s, nil)
	eventually(t, "the first request arrives", func() bool { return s.totals(t).Requests == 1 })
	cancel(why)
	report, err := finish()
	for _, target := range []error{koodrive.ErrCancelled, context.Canceled, why} {
		if !errors.Is(err, target) {
			t.Errorf("%v is not %v", err, target)
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is a deadline", err)
	}
	expect(t, "outcomes", outcomesOf(report), map[koodrive.Outcome]int{koodrive.Deleted: 100, koodrive.NotSent: 200})
	expect(t, "unfinished", report.Unfinished().ScopeCount(), 200)
	expect(t, "requests", s.totals(t).Requests, 1)
}

func TestAbandonDoesNotWait(t *testing.T) {
	s := newSandbox(t, options{"faults": []options{{"fault": options{"hang": options{"executed": true}}}}})
	var monitor koodrive.Monitor
	finish := start(t, t.Context(), s, &monitor)
	eventually(t, "the first request arrives", func() bool { return s.totals(t).Requests == 1 })
	done, total := monitor.Progress()
	expect(t, "done", done, 0)
	expect(t, "total", total, 300)
	began := time.Now()
	monitor.Abandon()
	report, err := finish()
	if !errors.Is(err, koodrive.ErrCancelled) || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if waited := time.Since(began); waited > 20*time.Second {
		t.Errorf("waited %v, as for the answer", waited)
	}
	expect(t, "outcomes", outcomesOf(report), map[koodrive.Outcome]int{koodrive.Unknown: 100, koodrive.NotSent: 200})
	expect(t, "unfinished", report.Unfinished().ScopeCount(), 300)
}

func TestDeadline(t *testing.T) {
	s := newSandbox(t, options{"scopes": "everything", "latency_ms": 3000})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	report, err := start(t, ctx, s, nil)()
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, koodrive.ErrCancelled) {
		t.Errorf("got %v", err)
	}
	deleted := s.totals(t).Deleted // 100, or none if this machine was slow.
	expect(t, "deleted", report.Tally(koodrive.Deleted), deleted)
	expect(t, "not sent", report.Tally(koodrive.NotSent), 300-deleted)
}

func TestAnEndedContextSendsNothing(t *testing.T) {
	s := newSandbox(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	report, err := start(t, ctx, s, nil)()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	expect(t, "outcomes", outcomesOf(report), map[koodrive.Outcome]int{koodrive.NotSent: 300})
	expect(t, "requests", s.totals(t).Requests, 0)
}

func TestAContextThatEndsLaterChangesNothing(t *testing.T) {
	s := newSandbox(t, nil)
	var monitor koodrive.Monitor
	client := s.client(t)
	for _, device := range []string{"1", "2"} { // A monitor serves one run after the other.
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := client.DeleteScopes(ctx, device, ids(150), koodrive.WithMonitor(&monitor)); err != nil {
			t.Fatal(err)
		}
		cancel()
		done, total := monitor.Progress()
		expect(t, "done", done, 150)
		expect(t, "total", total, 150)
	}
}

func TestRunTimeout(t *testing.T) {
	s := newSandbox(t, options{"scopes": "everything", "latency_ms": 1000})
	client := s.client(t, oneConnection, func(config *koodrive.Config) { config.RunTimeout = 100 * time.Microsecond })
	report, err := client.DeleteScopes(t.Context(), device, ids(300))
	if !errors.Is(err, koodrive.ErrTimedOut) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	expect(t, "length", report.Len(), 300)
	expect(t, "deleted", report.Tally(koodrive.Deleted), s.totals(t).Deleted)
}
