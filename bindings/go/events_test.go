package koodrive_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"koodrive"
)

// logged is one record, with the attributes of an event.
type logged struct {
	level      slog.Level
	message    string
	attributes map[string]any
	context    context.Context
}

// recorder is a handler that keeps what it gets.
type recorder struct {
	level  slog.Level
	before func() // each record, if there is one.

	mu      sync.Mutex
	records []logged
}

func (r *recorder) Enabled(_ context.Context, level slog.Level) bool { return level >= r.level }
func (r *recorder) WithAttrs([]slog.Attr) slog.Handler               { return r }
func (r *recorder) WithGroup(string) slog.Handler                    { return r }

func (r *recorder) Handle(ctx context.Context, record slog.Record) error {
	if r.before != nil {
		r.before()
	}
	one := logged{record.Level, record.Message, map[string]any{}, ctx}
	record.Attrs(func(attribute slog.Attr) bool {
		one.attributes[attribute.Key] = attribute.Value.Any()
		return true
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, one)
	return nil
}

// option logs to the recorder.
func (r *recorder) option() koodrive.LoggerOption {
	return koodrive.WithLogger(slog.New(r))
}

func (r *recorder) kinds() []any {
	kinds := []any{}
	for _, record := range r.records {
		kinds = append(kinds, record.attributes["kind"])
	}
	return kinds
}

// throttledAndInterrupted has the second request refused for its rate, the third lost, and the fifth not authorized.
var throttledAndInterrupted = options{"scopes": "everything", "faults": []options{
	{"match": options{"from": 1, "count": 1}, "fault": options{"status": options{"status": 429}}},
	{"match": options{"from": 2, "count": 1}, "fault": "lose_answer"},
	{"match": options{"from": 4, "count": 1}, "fault": options{"status": options{"status": 401}}},
}}

// interrupted logs a run of that, and returns why it ended.
func interrupted(t *testing.T, ctx context.Context, log *recorder, more ...koodrive.Option) *koodrive.Error {
	t.Helper()
	s := newSandbox(t, throttledAndInterrupted)
	_, err := s.client(t, oneConnection).DeleteScopes(ctx, device, ids(300), append(more, log.option())...)
	var failure *koodrive.Error
	if !errors.As(err, &failure) || failure.Status != koodrive.ErrUnauthorized {
		t.Fatalf("got %v", err)
	}
	return failure
}

func TestALogSaysWhichRequestFailedAndWhy(t *testing.T) {
	log := recorder{level: slog.LevelDebug}
	failure := interrupted(t, t.Context(), &log)
	expect(t, "kinds", log.kinds(), []any{
		"REQUEST", "REQUEST", "THROTTLED", "RETRY", "REQUEST", "RETRY", "REQUEST", "REQUEST", "STOPPING",
		"GIVEN_UP"})
	var requests [][]any
	for _, record := range log.records {
		is := record.attributes
		if is["kind"] == "REQUEST" {
			requests = append(requests, []any{is["http_status"], is["attempt"], is["scope_count"]})
			expect(t, "user", is["user_id"], any(user))
			expect(t, "device", is["device_id"], any(device))
		}
		expect(t, "request id beside a status", is["request_id"] == nil, is["http_status"] == nil)
	}
	const hundred = int64(100)
	expect(t, "requests", requests, [][]any{{int64(200), int64(1), hundred}, {int64(429), int64(1), hundred},
		{nil, int64(2), hundred}, {int64(200), int64(3), hundred}, {int64(401), int64(1), hundred}})

	refused, throttled, retry, lost, stopping := log.records[1], log.records[2], log.records[3], log.records[4], log.records[8]
	for record, word := range map[*logged]string{&throttled: "requests a second", &retry: "sent again when",
		&lost: "closed", &stopping: "401"} {
		if !strings.Contains(record.message, word) {
			t.Errorf("%q is not in %q", word, record.message)
		}
	}
	expect(t, "the throttled request", throttled.attributes["request_id"], refused.attributes["request_id"])
	expect(t, "the request that is sent again", retry.attributes["request_id"], refused.attributes["request_id"])
	expect(t, "the request that stops the run", stopping.attributes["request_id"], any(failure.RequestID))
	expect(t, "the request that had no response", lost.attributes["first_scope_id"], any(ids(101)[100]))
	if rate, is := throttled.attributes["rate"].(float64); !is || rate <= 0 {
		t.Errorf("throttled to %v", throttled.attributes)
	}
	givenUp := log.records[9].attributes
	delete(givenUp, "elapsed")
	expect(t, "the request that is given up", givenUp, map[string]any{"kind": "GIVEN_UP", "user_id": user,
		"device_id": device, "first_scope_id": ids(201)[200], "scope_count": hundred, "attempt": int64(1),
		"http_status": int64(401), "request_id": failure.RequestID})
	_, hasAttempt := stopping.attributes["attempt"]
	expect(t, "an attempt of no request", hasAttempt, false)
}

func TestALogSaysWhen(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "a value")
	log := recorder{level: slog.LevelDebug}
	interrupted(t, ctx, &log)
	elapsed := time.Duration(0)
	for _, record := range log.records {
		is := record.attributes
		expect(t, "context", record.context.Value(key{}), any("a value"))
		now := is["elapsed"].(time.Duration)
		if now < elapsed || now > time.Hour {
			t.Errorf("elapsed: %v after %v", now, elapsed)
		}
		elapsed = now
		duration, isRequest := is["duration"].(time.Duration)
		expect(t, "duration of a request", isRequest, is["kind"] == "REQUEST")
		if duration > elapsed {
			t.Errorf("a request took %v of %v", duration, elapsed)
		}
	}
}

func TestALogHasWhatItsLevelAsksFor(t *testing.T) {
	for level, kinds := range map[slog.Level][]any{
		slog.LevelInfo:  {"THROTTLED", "STOPPING", "GIVEN_UP"},
		slog.LevelWarn:  {"THROTTLED", "STOPPING", "GIVEN_UP"},
		slog.LevelError: {},
	} {
		log := recorder{level: level}
		var monitor koodrive.Monitor
		interrupted(t, t.Context(), &log, koodrive.WithMonitor(&monitor))
		expect(t, "kinds at "+level.String(), log.kinds(), kinds)
		expect(t, "requests", monitor.RequestsSent(), 5)
		for _, record := range log.records {
			expect(t, "level", record.level, slog.LevelWarn)
		}
	}
}

func TestALogTellsOfOutagesAndClocks(t *testing.T) {
	s := newSandbox(t, options{"scopes": "everything", "clock_skew_s": -3600, "faults": []options{
		{"match": options{"from": 2, "for_ms": 1500}, "fault": options{"status": options{"status": 502}}},
	}})
	client := s.client(t, oneConnection, func(c *koodrive.Config) { c.MaxAttempts = 1 })
	var log recorder // Of slog.LevelInfo.
	if _, err := client.DeleteScopes(t.Context(), device, ids(300), log.option()); err != nil {
		t.Fatal(err)
	}
	expect(t, "kinds", log.kinds(), []any{"CLOCK_CORRECTED", "OUTAGE_BEGAN", "OUTAGE_ENDED"})
	for index, level := range []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelInfo} {
		expect(t, "level", log.records[index].level, level)
	}
	if down, is := log.records[2].attributes["duration"].(time.Duration); !is || down < time.Second {
		t.Errorf("the outage is over: %v", log.records[2].attributes)
	}
}

func TestEventsAreLoggedWhileTheRunGoesOn(t *testing.T) {
	s := newSandbox(t, options{"faults": []options{
		{"match": options{"from": 1}, "fault": options{"hang": options{"executed": false}}}}})
	ctx, cancel := context.WithCancel(t.Context())
	var monitor koodrive.Monitor
	log := recorder{level: slog.LevelDebug, before: sync.OnceFunc(func() {
		cancel() // Which ends the run.
		monitor.Abandon()
	})}
	_, err := s.client(t, oneConnection).DeleteScopes(ctx, device, ids(200), log.option(), koodrive.WithMonitor(&monitor))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	expect(t, "first and last", []any{log.kinds()[0], slices.Contains(log.kinds(), any("STOPPING"))},
		[]any{"REQUEST", true})
}

func TestAListIsLogged(t *testing.T) {
	faults := []options{{"match": options{"every": 2}, "fault": options{"status": options{"status": 500}}}}
	s := newSandbox(t, options{"faults": faults})
	client := s.client(t)
	log := recorder{level: slog.LevelDebug}
	for name, list := range map[string]func() error{
		"devices":           func() error { _, err := client.Devices(t.Context(), log.option()); return err },
		"devices of a user": func() error { _, err := client.DevicesFor(t.Context(), "Li", log.option()); return err },
		"scopes": func() error {
			_, err := client.Scopes(t.Context(), device, log.option(), koodrive.OfModule(koodrive.ModuleAlbums))
			return err
		},
	} {
		log.records = nil
		expect(t, name, list(), nil)
		expect(t, "kinds of "+name, log.kinds(), []any{"REQUEST", "RETRY", "REQUEST"})
		for _, record := range log.records {
			if _, is := record.attributes["scope_count"]; is {
				t.Errorf("%s: %v has scopes", name, record)
			}
		}
	}
}

func TestALoggerThatIsTooSlowIsToldHowMuchItMissed(t *testing.T) {
	const requests = 10_200
	s := newSandbox(t, options{"scopes": "everything"})
	var plan koodrive.Plan
	for device := range requests { // One request each.
		if err := plan.Add(strconv.Itoa(device), ids(1)); err != nil {
			t.Fatal(err)
		}
	}
	var monitor koodrive.Monitor
	log := recorder{level: slog.LevelDebug, before: sync.OnceFunc(func() {
		for done := 0; done < requests; done, _ = monitor.Progress() {
			time.Sleep(time.Millisecond)
		}
	})}
	if _, err := s.client(t).DeletePlan(t.Context(), &plan, log.option(), koodrive.WithMonitor(&monitor)); err != nil {
		t.Fatal(err)
	}
	last := log.records[len(log.records)-1]
	expect(t, "level", last.level, slog.LevelWarn)
	expect(t, "dropped", last.attributes["dropped"], any(int64(requests-len(log.records)+1)))
}

func TestALoggedRunLeavesNoGoroutine(t *testing.T) {
	s := newSandbox(t, throttledAndInterrupted)
	client := s.client(t, oneConnection)
	before := runtime.NumGoroutine()
	log := recorder{level: slog.LevelDebug}
	for range 3 {
		_, _ = client.DeleteScopes(t.Context(), device, ids(300), log.option())
		_, err := client.DeleteScopes(t.Context(), device, ids(1), log.option(), koodrive.WithJournal("/"))
		refused(t, err, "journal: ")
	}
	eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= before })
}

func TestWithoutALoggerNothingIsLogged(t *testing.T) {
	s := newSandbox(t, nil)
	report, err := s.client(t).DeleteScopes(t.Context(), device, ids(1), koodrive.WithLogger(nil))
	expect(t, "error", err, nil)
	expect(t, "deleted", report.Tally(koodrive.Deleted), 1)
	_, err = s.client(t).Devices(t.Context(), koodrive.LoggerOption{})
	expect(t, "error", err, nil)
}

func TestALoggerLeavesTheMonitorAsItWas(t *testing.T) {
	s := newSandbox(t, options{"faults": []options{
		{"match": options{"count": 1}, "fault": options{"status": options{"status": 429}}}}})
	client := s.client(t)
	var monitor koodrive.Monitor
	log := recorder{level: slog.LevelDebug, before: func() {
		if event, is := monitor.NextEvent(); is {
			t.Errorf("the logger did not get %v", event)
		}
		refused(t, monitor.KeepEvents(1), "monitor")
	}}
	run := func(options ...koodrive.Option) {
		t.Helper()
		options = append(options, koodrive.WithMonitor(&monitor))
		if _, err := client.DeleteScopes(t.Context(), device, ids(1), options...); err != nil {
			t.Fatal(err)
		}
	}
	run(log.option())
	expect(t, "counts", []int{monitor.RequestsSent(), monitor.Retries(), monitor.Throttles()}, []int{2, 1, 1})
	expect(t, "kinds", log.kinds(), []any{"REQUEST", "THROTTLED", "RETRY", "REQUEST"})
	run(log.option())
	run()
	if event, is := monitor.NextEvent(); is {
		t.Errorf("nobody asked for %v", event)
	}
	expect(t, "records", len(log.records), 5)
	expect(t, "error", monitor.KeepEvents(1), nil)
}

func TestALoggerTakesNobodysEvents(t *testing.T) {
	s := newSandbox(t, nil)
	client := s.client(t)
	var monitor koodrive.Monitor
	log := recorder{level: slog.LevelDebug}
	both := []koodrive.Option{koodrive.WithMonitor(&monitor), log.option()}
	expect(t, "error", monitor.KeepEvents(10), nil)
	report, err := client.DeleteScopes(t.Context(), device, ids(1), both...)
	refused(t, err, "monitor: it keeps events")
	expect(t, "report", report, nil)
	expect(t, "requests", s.totals(t).Requests, 0)
	expect(t, "error", monitor.KeepEvents(0), nil)
	_, err = client.DeleteScopes(t.Context(), device, ids(1), both...)
	expect(t, "error", err, nil)
	expect(t, "kinds", log.kinds(), []any{"REQUEST"})
}

func TestTwoLoggedRunsDoNotShareAMonitor(t *testing.T) {
	s := newSandbox(t, nil)
	client := s.client(t)
	var monitor koodrive.Monitor
	second := recorder{level: slog.LevelDebug}
	first := recorder{level: slog.LevelDebug, before: sync.OnceFunc(func() {
		_, err := client.DeleteScopes(t.Context(), "2", ids(1), koodrive.WithMonitor(&monitor), second.option())
		refused(t, err, "monitor: it watches another run")
	})}
	_, err := client.DeleteScopes(t.Context(), device, ids(1), koodrive.WithMonitor(&monitor), first.option())
	expect(t, "error", err, nil)
	expect(t, "kinds of the first", first.kinds(), []any{"REQUEST"})
	expect(t, "kinds of the second", second.kinds(), []any{})
}

func TestAMonitorHandsOutEvents(t *testing.T) {
	s := newSandbox(t, throttledAndInterrupted)
	client := s.client(t, oneConnection)
	var monitor koodrive.Monitor
	expect(t, "error", monitor.KeepEvents(6), nil)
	journal := filepath.Join(t.TempDir(), "journal")
	_, err := client.DeleteScopes(t.Context(), device, ids(300), koodrive.WithMonitor(&monitor), koodrive.WithJournal(journal))
	var failure *koodrive.Error
	if !errors.As(err, &failure) {
		t.Fatalf("got %v", err)
	}
	expect(t, "dropped", monitor.EventsDropped(), 4)
	copied := copyOf(&monitor)
	var events []koodrive.Event
	for event, is := copied.NextEvent(); is; event, is = copied.NextEvent() {
		events = append(events, event)
	}
	expect(t, "events", len(events), 6)
	lost, stopping := events[0], events[4]
	expect(t, "lost", lost, koodrive.Event{Kind: koodrive.EventRequest, Message: lost.Message, Elapsed: lost.Elapsed,
		Duration: lost.Duration, UserID: user, DeviceID: device, FirstScopeID: ids(101)[100], ScopeCount: 100,
		Attempt: 2})
	expect(t, "stopping", stopping, koodrive.Event{Kind: koodrive.EventStopping, Message: stopping.Message,
		Elapsed: stopping.Elapsed, HTTPStatus: 401, RequestID: failure.RequestID})
	if !strings.Contains(lost.Message, "closed") || stopping.Elapsed < lost.Elapsed || lost.Elapsed <= 0 {
		t.Errorf("got %+v, then %+v", lost, stopping)
	}
	expect(t, "counts", []int{monitor.RequestsSent(), monitor.Retries(), monitor.Throttles()}, []int{5, 2, 1})
}

func TestEventsAreTakenByManyGoroutines(t *testing.T) {
	s := newSandbox(t, options{"scopes": "everything"})
	var monitor koodrive.Monitor
	expect(t, "error", monitor.KeepEvents(1000), nil)
	ended := make(chan struct{})
	var mu sync.Mutex
	var scopes int
	var wait sync.WaitGroup
	for range 4 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for goesOn := true; goesOn; {
				select {
				case <-ended:
					goesOn = false
				default:
				}
				for event, is := monitor.NextEvent(); is; event, is = monitor.NextEvent() {
					mu.Lock()
					scopes += event.ScopeCount
					mu.Unlock()
				}
				runtime.Gosched()
			}
		}()
	}
	_, err := s.client(t).DeleteScopes(t.Context(), device, ids(5000), koodrive.WithMonitor(&monitor))
	close(ended)
	wait.Wait()
	expect(t, "error", err, nil)
	expect(t, "scopes", scopes, 5000)
}

func TestBadCapacitiesAndMomentsAreRefused(t *testing.T) {
	s := newSandbox(t, options{"faults": []options{{"fault": options{"hang": options{"executed": true}}}}})
	var monitor koodrive.Monitor
	refused(t, monitor.KeepEvents(-1), "capacity")
	refused(t, monitor.KeepEvents(1<<24+1), "capacity")
	expect(t, "error", monitor.KeepEvents(1<<24), nil)
	finish := start(t, t.Context(), s, &monitor)
	eventually(t, "the first request arrives", func() bool { return s.totals(t).Requests == 1 })
	refused(t, monitor.KeepEvents(1), "monitor: a run goes on")
	monitor.Abandon()
	_, err := finish()
	if !errors.Is(err, koodrive.ErrCancelled) {
		t.Errorf("got %v", err)
	}
}

func TestEventKindsHaveNames(t *testing.T) {
	for kind, name := range map[koodrive.EventKind]string{
		koodrive.EventRequest:        "REQUEST",
		koodrive.EventRetry:          "RETRY",
		koodrive.EventThrottled:      "THROTTLED",
		koodrive.EventOutageBegan:    "OUTAGE_BEGAN",
		koodrive.EventOutageEnded:    "OUTAGE_ENDED",
		koodrive.EventClockCorrected: "CLOCK_CORRECTED",
		koodrive.EventStopping:       "STOPPING",
		koodrive.EventGivenUp:        "GIVEN_UP",
		0:                            "UNDEFINED",
		99:                           "UNDEFINED",
	} {
		expect(t, "name", kind.String(), name)
	}
}
