package koodrive_test

import (
	"testing"
	"unsafe"

	"koodrive"
)

// An arrowStream has the layout of struct ArrowArrayStream: four functions and what only its producer knows.
type arrowStream struct {
	getSchema, getNext, getLastError, release, privateData unsafe.Pointer
}

func TestOutcomesGoOutAndInAsTables(t *testing.T) {
	s := newSandbox(t, nil)
	client := s.client(t)
	report, err := client.DeleteScopes(t.Context(), device, ids(3))
	if err != nil {
		t.Fatal(err)
	}
	var stream arrowStream
	if err := report.Arrow(unsafe.Pointer(&stream)); err != nil {
		t.Fatal(err)
	}
	report = nil
	collectAll() // The stream outlives the report.
	plan := planOf(t, "1")
	if err := plan.AddArrow(unsafe.Pointer(&stream)); err != nil {
		t.Fatal(err)
	}
	expect(t, "ids", plan.ScopeCount(), 4)
	expect(t, "released", stream.release, nil)
	again, err := client.DeletePlan(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "not found", again.Tally(koodrive.NotFound), 4)
	for index, scope := range again.All() {
		expect(t, "id", scope.ScopeID, append([]string{"1"}, ids(3)...)[index])
	}
}

func TestAStreamIsReleasedWhateverThePlan(t *testing.T) {
	s := newSandbox(t, nil)
	report, err := s.client(t).DeleteScopes(t.Context(), device, ids(1))
	if err != nil {
		t.Fatal(err)
	}
	copied := copyOf(planOf(t, "1"))
	for _, plan := range []*koodrive.Plan{nil, copied} {
		var stream arrowStream
		if err := report.Arrow(unsafe.Pointer(&stream)); err != nil {
			t.Fatal(err)
		}
		refused(t, plan.AddArrow(unsafe.Pointer(&stream)), "plan: ")
		expect(t, "released", stream.release, nil)
	}
	plan := planOf(t, "1")
	refused(t, plan.AddArrow(nil), "stream: must not be NULL")
	refused(t, plan.AddArrow(unsafe.Pointer(new(arrowStream))), "stream: is released already")
	expect(t, "ids", plan.ScopeCount(), 1)
	refused(t, report.Arrow(nil), "out: must not be NULL")
	refused(t, new(koodrive.Report).Arrow(unsafe.Pointer(new(arrowStream))), "result: must not be NULL")
}
