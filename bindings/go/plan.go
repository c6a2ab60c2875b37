package koodrive

// #include <koodrive.h>
import "C"

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
	"unsafe"
)

// A Plan is what to delete: scope ids of devices of users, in the order in which they are added, which
// is also that of the report. The zero value is an empty plan. A plan may be run more than once, and
// added to after a run. Goroutines that share a plan take turns; a turn lasts as long as its run.
// Share a *Plan: a copy of a Plan that holds ids is refused.
type Plan struct {
	ids atomic.Pointer[plannedIDs]
}

type plannedIDs struct {
	owner  *Plan
	mu     sync.Mutex
	handle *C.koodrive_plan
}

// newPlan makes a Plan the owner of a C plan; an empty one of NULL.
func newPlan(handle *C.koodrive_plan) *Plan {
	p := new(Plan)
	if handle != nil {
		p.ids.Store(newPlannedIDs(p, handle))
	}
	return p
}

func newPlannedIDs(owner *Plan, handle *C.koodrive_plan) *plannedIDs {
	ids := &plannedIDs{owner: owner, handle: handle}
	runtime.AddCleanup(ids, func(handle *C.koodrive_plan) { C.koodrive_plan_free(handle) }, handle)
	return ids
}

// use returns what p holds, or an error if that belongs to another plan: whoever adds to a copy does not
// expect the other one to delete it.
func (p *Plan) use() (*plannedIDs, error) {
	if p == nil {
		return nil, invalid("plan: must not be nil")
	}
	if p.ids.Load() == nil {
		p.ids.CompareAndSwap(nil, newPlannedIDs(p, C.koodrive_plan_new()))
	}
	ids := p.ids.Load()
	if ids.owner != p {
		return nil, invalid("plan: is a copy of another Plan; share a *Plan")
	}
	return ids, nil
}

// Add adds scope ids of a device of the user of the config of the client that will run the plan. Ids are
// 1 to 128 visible ASCII characters, and not plainly damaged numbers. The error is an [*Error] with
// [ErrInvalidArgument]; it names the argument and the rule it breaks, and the plan is as it was.
func (p *Plan) Add(deviceID string, scopeIDs []string) error {
	return p.addIDs(nil, deviceID, scopeIDs)
}

// AddFor adds scope ids of a device of this user. The rest is as for [Plan.Add].
func (p *Plan) AddFor(userID, deviceID string, scopeIDs []string) error {
	return p.addIDs(&userID, deviceID, scopeIDs)
}

// AddLines adds scope ids that stand one a line in a text, such as a whole file; one newline may stand at
// its end. The rest is as for [Plan.Add].
func (p *Plan) AddLines(deviceID string, text []byte) error {
	return p.addLines(nil, deviceID, text, 0)
}

// AddLinesFor is AddLines for a device of this user.
func (p *Plan) AddLinesFor(userID, deviceID string, text []byte) error {
	return p.addLines(&userID, deviceID, text, 0)
}

func (p *Plan) addIDs(userID *string, deviceID string, scopeIDs []string) error {
	lines, err := joinLines(scopeIDs)
	if err != nil {
		return err
	}
	return p.addLines(userID, deviceID, lines, len(scopeIDs))
}

// addLines adds ids of which there are count, or any number if that is 0.
func (p *Plan) addLines(userID *string, deviceID string, text []byte, count int) error {
	device, err := cText("device_id", deviceID)
	if err != nil {
		return err
	}
	user, err := optionalText("user_id", userID)
	if err != nil {
		return err
	}
	ids, err := p.use()
	if err != nil {
		return err
	}
	ids.mu.Lock()
	defer ids.mu.Unlock()
	var failure *C.koodrive_error
	status := C.koodrive_plan_add_lines(ids.handle, user, device,
		(*C.char)(unsafe.Pointer(unsafe.SliceData(text))), C.size_t(len(text)), C.size_t(count), &failure)
	runtime.KeepAlive(ids)
	return toGo(status, &failure)
}

// AddScopes adds all scopes of a list: its user, its device, its ids. To choose among them, use [Plan.Add] or
// [Plan.AddFor]. The error is that of a nil plan, of a copy of one, or of a nil list, and the plan is as it was.
func (p *Plan) AddScopes(list *ScopeList) error {
	ids, err := p.use()
	if err != nil {
		return err
	}
	scopes, end := list.use()
	defer end()
	ids.mu.Lock()
	defer ids.mu.Unlock()
	var failure *C.koodrive_error
	status := C.koodrive_plan_add_scopes(ids.handle, scopes, &failure)
	runtime.KeepAlive(ids)
	return toGo(status, &failure)
}

// AddArrow adds the rows of a table that comes as an Arrow C stream: a struct ArrowArrayStream, such as arrow-go's
// cdata.ExportRecordReader fills. Its columns are found by their names. "scope_id" and "device_id" must be there;
// "user_id" may be missing, or null in some rows: the user of the config of the client that will run the plan;
// "tried", booleans, may be missing: true says of an id what [Plan.MarkTried] says. Other columns are ignored,
// but for names that are nearly right, such as "userId", which are refused. Ids are texts, integers, or dictionaries of
// these. The error names the column, and the row, counted from 0, of what breaks a rule, and the plan is as it was. The
// stream is released in any case; it must not use the plan.
func (p *Plan) AddArrow(stream unsafe.Pointer) error {
	var failure *C.koodrive_error
	ids, err := p.use()
	if err != nil {
		// Without a plan it is only released.
		C.koodrive_plan_add_arrow(nil, (*C.struct_ArrowArrayStream)(stream), nil)
		return err
	}
	ids.mu.Lock()
	defer ids.mu.Unlock()
	status := C.koodrive_plan_add_arrow(ids.handle, (*C.struct_ArrowArrayStream)(stream), &failure)
	runtime.KeepAlive(ids)
	return toGo(status, &failure)
}

// MarkTried says that a run whose report is lost may have deleted any of the ids that the plan holds now. Each of
// them ends as [Deleted], [Gone] or [Unknown], and none as [NotFound]. A plan of [Report.Unfinished] knows
// this of its ids by itself. The error is that of a nil plan, or of a copy of one.
func (p *Plan) MarkTried() error {
	ids, err := p.use()
	if err != nil {
		return err
	}
	ids.mu.Lock()
	defer ids.mu.Unlock()
	var failure *C.koodrive_error
	status := C.koodrive_plan_mark_tried(ids.handle, &failure)
	runtime.KeepAlive(ids)
	return toGo(status, &failure)
}

// ScopeCount returns how many ids were added, repeats included; 0 for a copy of another plan.
func (p *Plan) ScopeCount() int {
	return p.count(func(handle *C.koodrive_plan) C.size_t { return C.koodrive_plan_scope_count(handle) })
}

// RequestCount returns how many requests a run takes if no id is repeated and no request tried twice:
// a dry run's answer. Ids that were added without a user count as a user's of their own.
func (p *Plan) RequestCount() int {
	return p.count(func(handle *C.koodrive_plan) C.size_t { return C.koodrive_plan_request_count(handle) })
}

func (p *Plan) count(count func(*C.koodrive_plan) C.size_t) int {
	ids, err := p.use()
	if err != nil {
		return 0
	}
	ids.mu.Lock()
	defer ids.mu.Unlock()
	defer runtime.KeepAlive(ids)
	return int(count(ids.handle))
}

// joinLines makes one text of all ids, so that they cross to C in one call. Each ends with a newline:
// so the library counts as many lines as there are ids, also if some are empty.
func joinLines(scopeIDs []string) ([]byte, error) {
	length := len(scopeIDs)
	for _, id := range scopeIDs {
		length += len(id)
	}
	lines := make([]byte, 0, length)
	for index, id := range scopeIDs {
		if strings.IndexByte(id, '\n') >= 0 || !utf8.ValidString(id) {
			return nil, invalid("scope_ids[%d] %.64q holds something else than visible ASCII characters", index, id)
		}
		lines = append(append(lines, id...), '\n')
	}
	return lines, nil
}
