package koodrive_test

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"koodrive"
)

func outcomesOf(report *koodrive.Report) map[koodrive.Outcome]int {
	outcomes := map[koodrive.Outcome]int{}
	for _, scope := range report.All() {
		outcomes[scope.Outcome]++
	}
	return outcomes
}

func expect[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestEveryIDHasItsOutcome(t *testing.T) {
	s := newSandbox(t, options{
		"rejected_ids": options{"7": options{"error_code": "15000999", "msg": "The scope is locked."}},
	})
	report, err := s.client(t).DeleteScopes(t.Context(), device, []string{ids(1)[0], "345", "7", "345"})
	if err != nil {
		t.Fatal(err)
	}
	var all []koodrive.ScopeOutcome
	for index, scope := range report.All() {
		expect(t, "index", index, len(all))
		all = append(all, scope)
	}
	expect(t, "all", all, []koodrive.ScopeOutcome{
		{UserID: user, DeviceID: device, ScopeID: ids(1)[0], Outcome: koodrive.Deleted},
		{UserID: user, DeviceID: device, ScopeID: "345", Outcome: koodrive.NotFound,
			ServiceCode: "15000418", Message: all[1].Message},
		{UserID: user, DeviceID: device, ScopeID: "7", Outcome: koodrive.Rejected,
			ServiceCode: "15000999", Message: "The scope is locked."},
		{UserID: user, DeviceID: device, ScopeID: "345", Outcome: koodrive.Duplicate,
			ServiceCode: "15000424", Message: all[3].Message},
	})
	for index, scope := range report.Failures() {
		expect(t, "failure's index", index, 2)
		expect(t, "failure", scope, all[2])
	}
	expect(t, "outcomes", report.Outcomes(),
		[]koodrive.Outcome{koodrive.Deleted, koodrive.NotFound, koodrive.Rejected, koodrive.Duplicate})
	expect(t, "length", report.Len(), 4)
	expect(t, "requests", report.RequestCount(), 1)
	expect(t, "tally", report.Tally(koodrive.NotFound), 1)
	expect(t, "unfinished", report.Unfinished().ScopeCount(), 0)
	expect(t, "deleted in the ledger", s.totals(t).Deleted, 1)
}

func TestPlanOfManyUsersAndDevices(t *testing.T) {
	s := newSandbox(t, options{"forbidden_users": []string{"forbidden"}})
	var plan koodrive.Plan
	for _, err := range []error{
		plan.Add(device, ids(150)),
		plan.AddFor("forbidden", "phone of Li/2", ids(2)),
		plan.AddLinesFor("another", "tablet", []byte("1842846715527000000\n345\n")),
		plan.Add("no ids", nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "ids", plan.ScopeCount(), 154)
	expect(t, "requests", plan.RequestCount(), 4)

	report, err := s.client(t).DeletePlan(t.Context(), &plan)
	if !errors.Is(err, koodrive.ErrService) {
		t.Fatalf("got %v, want %v", err, koodrive.ErrService)
	}
	var refused *koodrive.Error
	if !errors.As(err, &refused) {
		t.Fatalf("%T is no *Error", err)
	}
	expect(t, "HTTP status", refused.HTTPStatus, 403)
	if refused.ServiceCode == "" || refused.RequestID == "" || refused.Message == "" {
		t.Errorf("something is missing: %+v", refused)
	}
	expect(t, "outcomes", outcomesOf(report), map[koodrive.Outcome]int{
		koodrive.Deleted: 151, koodrive.NotFound: 1, koodrive.Rejected: 2})
	for index, scope := range report.Failures() {
		expect(t, "user", scope.UserID, "forbidden")
		expect(t, "device", scope.DeviceID, "phone of Li/2")
		expect(t, "id", scope.ScopeID, ids(2)[index-150])
	}
	expect(t, "unfinished", report.Unfinished().ScopeCount(), 2)
	var unfinished []string
	for _, scope := range report.UnfinishedScopes() {
		unfinished = append(unfinished, scope.ScopeID)
	}
	expect(t, "unfinished scopes", unfinished, ids(2))
}

func TestWhatWasTriedBeforeIsNeverCalledNotFound(t *testing.T) {
	s := newSandbox(t, options{"faults": []options{{"match": options{"count": 1}, "fault": "lose_answer"}}})
	client := s.client(t, func(c *koodrive.Config) { c.MaxAttempts = 1 })
	report, err := client.DeleteScopes(t.Context(), device, ids(2))
	if !errors.Is(err, koodrive.ErrUnreachable) {
		t.Fatalf("got %v, want %v", err, koodrive.ErrUnreachable)
	}
	report, err = client.DeletePlan(t.Context(), report.Unfinished())
	expect(t, "error", err, nil)
	expect(t, "outcomes", outcomesOf(report), map[koodrive.Outcome]int{koodrive.Gone: 2})

	var plan koodrive.Plan
	if err := errors.Join(plan.Add(device, ids(2)), plan.MarkTried(), plan.Add(device, []string{"345"})); err != nil {
		t.Fatal(err)
	}
	report, err = client.DeletePlan(t.Context(), &plan)
	expect(t, "error", err, nil)
	expect(t, "outcomes of a plan that is marked", outcomesOf(report),
		map[koodrive.Outcome]int{koodrive.Gone: 2, koodrive.NotFound: 1})
}

func TestEmptyListIsARunWithNothingToDo(t *testing.T) {
	s := newSandbox(t, nil)
	for _, none := range [][]string{nil, {}} {
		report, err := s.client(t).DeleteScopes(t.Context(), device, none)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, "length", report.Len(), 0)
		expect(t, "outcomes", outcomesOf(report), map[koodrive.Outcome]int{})
		expect(t, "outcomes' column", len(report.Outcomes()), 0)
	}
	expect(t, "requests", s.totals(t).Requests, 0)
}

func TestIteratorsStopWhenAsked(t *testing.T) {
	s := newSandbox(t, options{"forbidden_users": []string{user}})
	report, err := s.client(t).DeleteScopes(t.Context(), device, ids(150))
	if !errors.Is(err, koodrive.ErrService) {
		t.Fatal(err)
	}
	for _, scopes := range []func(func(int, koodrive.ScopeOutcome) bool){report.All(), report.Failures()} {
		for range 2 { // An iterator may be used again.
			seen := 0
			for index := range scopes {
				expect(t, "index", index, seen)
				seen++
				if seen == 140 {
					break
				}
			}
			expect(t, "seen", seen, 140)
		}
	}
}

func TestANewTokenResumesTheRun(t *testing.T) {
	s := newSandbox(t, options{"tokens": []options{{"value": "one-request", "requests": 1}, {"value": "good"}}})
	client := s.client(t, oneConnection, func(config *koodrive.Config) { config.AccessToken = "one-request" })
	report, err := client.DeleteScopes(t.Context(), device, ids(150))
	if !errors.Is(err, koodrive.ErrUnauthorized) {
		t.Fatalf("got %v, want %v", err, koodrive.ErrUnauthorized)
	}
	if strings.Contains(err.Error(), "one-request") {
		t.Errorf("the error tells the token: %v", err)
	}
	expect(t, "deleted", report.Tally(koodrive.Deleted), 100)
	if err := client.SetAccessToken("good"); err != nil {
		t.Fatal(err)
	}
	report, err = client.DeletePlan(t.Context(), report.Unfinished())
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "deleted", report.Tally(koodrive.Deleted), 50)
	if err := client.SetAuthorization("Bearer good"); err != nil {
		t.Fatal(err)
	}
	if _, err = client.DeleteScopes(t.Context(), "2", ids(1)); err != nil {
		t.Fatal(err)
	}
}

func TestAppCredentialsSignRequests(t *testing.T) {
	s := newSandbox(t, options{"apps": []options{{"id": "an-app", "secret": "a-secret"}}, "tokens": []options{{"value": "t"}}})
	client := s.client(t, func(config *koodrive.Config) {
		config.AccessToken, config.AppID, config.AppSecret = "", "an-app", "a-secret"
	})
	if _, err := client.DeleteScopes(t.Context(), device, ids(3)); err != nil {
		t.Fatal(err)
	}
}

func TestUnreachable(t *testing.T) {
	s := newSandbox(t, nil)
	client := s.client(t, func(config *koodrive.Config) { config.MaxAttempts = 1 })
	s.stop()
	report, err := client.DeleteScopes(t.Context(), device, ids(2))
	var failure *koodrive.Error
	if !errors.Is(err, koodrive.ErrUnreachable) || !errors.As(err, &failure) {
		t.Fatalf("got %v, want %v", err, koodrive.ErrUnreachable)
	}
	expect(t, "retryable", failure.Retryable, true)
	expect(t, "outcomes", outcomesOf(report), map[koodrive.Outcome]int{koodrive.NotSent: 2})
}

func TestErrorsOfGoroutinesDoNotMix(t *testing.T) {
	s := newSandbox(t, options{"forbidden_users": []string{"forbidden"}, "tokens": []options{{"value": "a-token"}}})
	good := s.client(t)
	bad := s.client(t, func(config *koodrive.Config) { config.AccessToken = "bad" })
	forbidden := s.client(t, func(config *koodrive.Config) { config.UserID = "forbidden" })
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	kinds := []struct {
		client *koodrive.Client
		ctx    context.Context
		id     string
		status error
	}{
		{good, t.Context(), "345", nil},
		{good, t.Context(), "an id", koodrive.ErrInvalidArgument},
		{bad, t.Context(), "345", koodrive.ErrUnauthorized},
		{forbidden, t.Context(), "345", koodrive.ErrService},
		{good, cancelled, "345", koodrive.ErrCancelled},
	}
	var wait sync.WaitGroup
	for goroutine := range 50 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for turn := range 20 {
				kind := kinds[(goroutine+turn)%len(kinds)]
				report, err := kind.client.DeleteScopes(kind.ctx, device, []string{kind.id})
				if kind.status == nil && err != nil || !errors.Is(err, kind.status) {
					t.Errorf("got %v, want %v", err, kind.status)
				}
				if isThere := report != nil; isThere == errors.Is(err, koodrive.ErrInvalidArgument) {
					t.Errorf("report is there: %v, with %v", isThere, err)
				}
				if errors.Is(err, context.Canceled) != (kind.ctx == cancelled) {
					t.Errorf("a context that ended: %v", err)
				}
				runtime.Gosched()
			}
		}()
	}
	wait.Wait()
}

func TestClosedClient(t *testing.T) {
	s := newSandbox(t, nil)
	client := s.client(t)
	for range 2 {
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
	}
	report, err := client.DeleteScopes(t.Context(), device, ids(1))
	if !errors.Is(err, koodrive.ErrClosed) || report != nil {
		t.Errorf("got %v, %v", report, err)
	}
	if err := client.SetAccessToken("a-token"); !errors.Is(err, koodrive.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := client.SetAuthorization("a-token"); !errors.Is(err, koodrive.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := new(koodrive.Client).Close(); err != nil {
		t.Error(err)
	}
	if _, err := new(koodrive.Client).DeleteScopes(t.Context(), device, ids(1)); !errors.Is(err, koodrive.ErrClosed) {
		t.Errorf("a client that was not built: %v", err)
	}
	expect(t, "connections", s.totals(t).Connections, 1) // This look at the ledger.
}

func TestCloseWaitsForCallsInProgress(t *testing.T) {
	s := newSandbox(t, options{"latency_ms": 500})
	client := s.client(t)
	returned := make(chan *koodrive.Report, 1)
	go func() {
		report, err := client.DeleteScopes(t.Context(), device, ids(1))
		if err != nil {
			t.Error(err)
		}
		returned <- report
	}()
	eventually(t, "the request arrives", func() bool { return s.totals(t).Requests == 1 })
	var wait sync.WaitGroup
	for range 3 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			client.Close()
			if _, err := client.DeleteScopes(t.Context(), device, ids(1)); !errors.Is(err, koodrive.ErrClosed) {
				t.Errorf("got %v", err)
			}
		}()
	}
	wait.Wait()
	report := <-returned // Would be missing if Close had not waited, and the memory freed.
	expect(t, "deleted", report.Tally(koodrive.Deleted), 1)
}
