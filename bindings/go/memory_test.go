package koodrive_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"koodrive"
)

// collectGarbage runs the collector over and over until the test ends.
func collectGarbage(t *testing.T) {
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
}

// deleteUnclosed leaves client, plan and monitor to the collector as soon as it can.
func deleteUnclosed(t *testing.T, s *sandbox, device string) *koodrive.Report {
	client, err := koodrive.NewClient(koodrive.Config{Endpoint: s.url, UserID: user, AccessToken: "a-token"})
	if err != nil {
		t.Error(err)
		return nil
	}
	var plan koodrive.Plan
	for _, id := range ids(150) {
		if err := plan.Add(device, []string{id}); err != nil {
			t.Error(err)
		}
	}
	report, err := client.DeletePlan(t.Context(), &plan, koodrive.WithMonitor(new(koodrive.Monitor)))
	if err != nil {
		t.Error(err)
	}
	return report
}

func TestGarbageCollectionInTheMiddleOfRuns(t *testing.T) {
	s := newSandbox(t, nil)
	collectGarbage(t)
	var wait sync.WaitGroup
	for goroutine := range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for turn := range 5 {
				device := strconv.Itoa(100*goroutine + turn)
				seen := 0
				for index, scope := range deleteUnclosed(t, s, device).All() {
					if scope.DeviceID != device || scope.ScopeID != ids(150)[index] || scope.Outcome != koodrive.Deleted {
						t.Errorf("device %s, index %d: %+v", device, index, scope)
					}
					seen++
				}
				expect(t, "seen", seen, 150)
			}
		}()
	}
	wait.Wait()
}

func TestTheCollectorFreesAForgottenClient(t *testing.T) {
	s := newSandbox(t, nil)
	report := deleteUnclosed(t, s, device)
	eventually(t, "its idle connections are closed", func() bool {
		runtime.GC()
		return s.totals(t).OpenConnections == 1 // This look at the ledger.
	})
	expect(t, "deleted", report.Tally(koodrive.Deleted), 150)
}

func TestAReportMayBeReadByManyGoroutines(t *testing.T) {
	s := newSandbox(t, options{"forbidden_users": []string{user}})
	report, err := s.client(t).DeleteScopes(t.Context(), device, ids(1000))
	if !errors.Is(err, koodrive.ErrService) {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			expect(t, "outcomes", outcomesOf(report), map[koodrive.Outcome]int{koodrive.Rejected: 1000})
			expect(t, "unfinished", report.Unfinished().ScopeCount(), 1000)
			expect(t, "column", len(report.Outcomes()), report.Len())
		}()
	}
	wait.Wait()
}

func TestAPlanMayBeSharedByGoroutines(t *testing.T) {
	var plan koodrive.Plan
	var wait sync.WaitGroup
	for range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range 50 {
				if err := plan.Add(device, ids(3)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wait.Wait()
	expect(t, "ids", plan.ScopeCount(), 8*50*3)
}

func TestAMillionIDs(t *testing.T) {
	const million = 1_000_000
	s := newSandbox(t, nil)
	all := ids(million)
	client := s.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // What is reported is all that is of interest here.
	before := 0
	for run := range 5 {
		report, err := client.DeleteScopes(ctx, device, all)
		if !errors.Is(err, koodrive.ErrCancelled) {
			t.Fatal(err)
		}
		seen := 0
		for index, scope := range report.Failures() {
			if scope.ScopeID != all[index] || scope.Outcome != koodrive.NotSent {
				t.Fatalf("index %d: %+v", index, scope)
			}
			seen++
		}
		expect(t, "seen", seen, million)
		expect(t, "requests", report.Unfinished().RequestCount(), million/100)
		if runtime.GC(); run == 1 {
			before = residentMegabytes(t)
		}
	}
	// A run's report takes more than 35 MB: three that leaked would show. The collector frees them when
	// it gets to it.
	eventually(t, "three runs leave less than 90 MB behind", func() bool {
		runtime.GC()
		return residentMegabytes(t)-before < 90
	})
}

func residentMegabytes(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes / 1024
}
