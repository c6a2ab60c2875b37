package koodrive

/*
#include <koodrive.h>
#include <stdlib.h>

typedef struct {
    size_t index;
    koodrive_outcome outcome;
    const char *user_id, *device_id, *scope_id, *service_code, *message;
} koodrive_go_row;

static bool koodrive_go_next(const koodrive_result *result, size_t *cursor, size_t *index) {
    *index = *cursor;
    return *index < koodrive_result_count(result) && ++*cursor;
}

// In the order of the Go constants.
static bool (*const koodrive_go_steps[])(const koodrive_result *, size_t *, size_t *) = {
    koodrive_go_next,
    koodrive_result_next_failure,
    koodrive_result_next_unfinished,
};

// Up to `capacity` rows from *cursor on, in one call from Go; how many.
static size_t koodrive_go_rows(const koodrive_result *result, int step, size_t *cursor,
                               koodrive_go_row *rows, size_t capacity) {
    const koodrive_outcome *outcomes = koodrive_result_outcomes(result);
    size_t filled = 0;
    for (size_t i; filled < capacity && koodrive_go_steps[step](result, cursor, &i); filled++) {
        rows[filled] = (koodrive_go_row){
            i,
            outcomes[i],
            koodrive_result_user_id(result, i),
            koodrive_result_device_id(result, i),
            koodrive_result_scope_id(result, i),
            koodrive_result_service_code(result, i),
            koodrive_result_message(result, i),
        };
    }
    return filled;
}
*/
import "C"

import (
	"iter"
	"runtime"
	"slices"
	"sync"
	"unsafe"
)

// An Outcome is what is known of one id.
type Outcome int32

const (
	// NotSent: the service never got a whole request with the id.
	NotSent Outcome = C.KOODRIVE_OUTCOME_NOT_SENT
	// Deleted: the service said that this run deleted it.
	Deleted Outcome = C.KOODRIVE_OUTCOME_DELETED
	// NotFound: the service said that it does not exist, and no earlier try can have deleted it.
	NotFound Outcome = C.KOODRIVE_OUTCOME_NOT_FOUND
	// Duplicate: it stands earlier in the plan for the same user and device and was not sent again.
	Duplicate Outcome = C.KOODRIVE_OUTCOME_DUPLICATE
	// Rejected: the service refused it and did not delete it; service code and message say why.
	Rejected Outcome = C.KOODRIVE_OUTCOME_REJECTED
	// Gone: it does not exist now; whether this run deleted it or somebody else did is not known.
	Gone Outcome = C.KOODRIVE_OUTCOME_GONE
	// Unknown: it was sent and no trustworthy response came: it may or may not be deleted. Asking again
	// is safe.
	Unknown Outcome = C.KOODRIVE_OUTCOME_UNKNOWN
)

// Asked for once, as reports of millions are printed.
var outcomeNames = func() (names [Unknown + 1]string) {
	for outcome := range names {
		names[outcome] = C.GoString(C.koodrive_outcome_name(C.koodrive_outcome(outcome)))
	}
	return names
}()

// String returns the outcome's name, such as "NOT_FOUND".
func (o Outcome) String() string {
	if o >= 0 && int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return C.GoString(C.koodrive_outcome_name(C.koodrive_outcome(o)))
}

// IfTried returns what the outcome says of an id that another run may have sent too, before this one or at the
// same time: NotFound becomes Gone, NotSent and Rejected become Unknown, the others stay.
func (o Outcome) IfTried() Outcome {
	return Outcome(C.koodrive_outcome_if_tried(C.koodrive_outcome(o)))
}

// A ScopeOutcome is what became of one id.
type ScopeOutcome struct {
	UserID   string
	DeviceID string
	ScopeID  string
	Outcome  Outcome
	// ServiceCode is the service's code for it, such as "15000418"; empty where it named none.
	ServiceCode string
	// Message says why it has its outcome; empty where there is nothing to say.
	Message string
}

// A Report is what became of each id of a run, in the order in which the ids were added to the plan. It
// outlives plan, client and monitor. Any number of goroutines may use it at once. A copy of a Report is the
// same report; the zero value is an empty one.
type Report struct {
	*report // Beyond the reach of copies, which would be freed one by one.
}

type report struct {
	mu     sync.Mutex // C results belong to one thread at a time
	handle *C.koodrive_result
}

// newReport makes a Report the owner of a C result; nil of NULL.
func newReport(handle *C.koodrive_result) *Report {
	if handle == nil {
		return nil
	}
	r := &report{handle: handle}
	runtime.AddCleanup(r, func(handle *C.koodrive_result) { C.koodrive_result_free(handle) }, handle)
	return &Report{r}
}

// use returns the C result, which is NULL of the zero value, and how to end the use.
func (r *Report) use() (handle *C.koodrive_result, end func()) {
	inner := r.report
	if inner == nil {
		return nil, func() {}
	}
	inner.mu.Lock()
	return inner.handle, func() {
		inner.mu.Unlock()
		runtime.KeepAlive(inner)
	}
}

// Len returns how many ids the run had, repeats included.
func (r *Report) Len() int {
	result, end := r.use()
	defer end()
	return int(C.koodrive_result_count(result))
}

// Tally returns how many ids have the given outcome.
func (r *Report) Tally(outcome Outcome) int {
	result, end := r.use()
	defer end()
	return int(C.koodrive_result_tally(result, C.koodrive_outcome(outcome)))
}

// RequestCount returns how many requests the run sent, tries that failed included.
func (r *Report) RequestCount() int {
	result, end := r.use()
	defer end()
	return int(C.koodrive_result_request_count(result))
}

// Outcomes returns the outcomes of all ids in a new slice.
func (r *Report) Outcomes() []Outcome {
	result, end := r.use()
	defer end()
	column := (*Outcome)(unsafe.Pointer(C.koodrive_result_outcomes(result)))
	return slices.Clone(unsafe.Slice(column, int(C.koodrive_result_count(result))))
}

// All goes through all ids and their indices in the plan.
func (r *Report) All() iter.Seq2[int, ScopeOutcome] {
	return r.scopes(all)
}

// Failures goes through the ids that may still exist, and their indices in the plan: those that are
// [NotSent], [Rejected] or [Unknown].
func (r *Report) Failures() iter.Seq2[int, ScopeOutcome] {
	return r.scopes(failures)
}

// Unfinished returns a new plan of what a next run should take up: ids that are [NotSent], and those that
// are [Unknown] or [Rejected] for a reason that may be otherwise the next time. Left out are those of
// which the service itself said that it won't delete them. The plan remembers which ids are [Unknown], as by
// [Plan.MarkTried]. It may be empty.
func (r *Report) Unfinished() *Plan {
	result, end := r.use()
	defer end()
	return newPlan(C.koodrive_result_unfinished(result))
}

// UnfinishedScopes goes through what [Report.Unfinished] holds, with the indices in the plan: to write it
// down.
func (r *Report) UnfinishedScopes() iter.Seq2[int, ScopeOutcome] {
	return r.scopes(unfinished)
}

// Arrow makes an Arrow C stream of all outcomes: it fills out, a struct ArrowArrayStream, such as arrow-go's
// cdata.ImportCRecordReader reads. The columns are texts: "user_id", "device_id", "scope_id", "outcome" (its name),
// "service_code" and "message", the last two null where there is nothing to say. What out held before is not released.
// The stream outlives the report; whoever reads it releases it. The error is that of the zero value, or of a nil
// pointer.
func (r *Report) Arrow(out unsafe.Pointer) error {
	result, end := r.use()
	defer end()
	var failure *C.koodrive_error
	status := C.koodrive_result_to_arrow(result, (*C.struct_ArrowArrayStream)(out), &failure)
	return toGo(status, &failure)
}

// A step goes through some of a result's ids.
type step C.int

const (
	all step = iota
	failures
	unfinished
)

// How many rows cross from C in one call.
const chunk = 128

func (r *Report) scopes(step step) iter.Seq2[int, ScopeOutcome] {
	return func(yield func(int, ScopeOutcome) bool) {
		defer runtime.KeepAlive(r.report) // The rows point into its texts.
		var cursor C.size_t
		var user, device, code, message shared
		// C's memory: Go would look through its own for Go pointers at each call.
		memory := C.malloc(chunk * C.sizeof_koodrive_go_row)
		defer C.free(memory)
		rows := unsafe.Slice((*C.koodrive_go_row)(memory), chunk)
		for {
			count := r.read(step, &cursor, rows)
			if count == 0 {
				return
			}
			for _, row := range rows[:count] {
				scope := ScopeOutcome{
					UserID:      user.text(row.user_id),
					DeviceID:    device.text(row.device_id),
					ScopeID:     C.GoString(row.scope_id),
					Outcome:     Outcome(row.outcome),
					ServiceCode: code.text(row.service_code),
					Message:     message.text(row.message),
				}
				if !yield(int(row.index), scope) {
					return
				}
			}
		}
	}
}

// read fills rows from the cursor on; how many it filled.
func (r *Report) read(step step, cursor *C.size_t, rows []C.koodrive_go_row) int {
	result, end := r.use()
	defer end()
	return int(C.koodrive_go_rows(result, C.int(step), cursor, unsafe.SliceData(rows), C.size_t(len(rows))))
}

// shared copies a text that row after row points to once.
type shared struct {
	from *C.char
	copy string
}

func (s *shared) text(from *C.char) string {
	if from != s.from {
		s.from, s.copy = from, C.GoString(from)
	}
	return s.copy
}
