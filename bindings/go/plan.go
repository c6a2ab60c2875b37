package koodrive

// #include <koodrive.h>
import "C"

import (
	"runtime"
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"
)

// A Plan is what to delete: scope ids of devices of users, in the order in which they are added, which
// is also that of the report. The zero value is an empty plan. A plan may be run more than once, and
// added to after a run. Goroutines that share a plan take turns; a turn lasts as long as its run.
type Plan struct {
	mu   sync.Mutex
	plan *C.koodrive_plan
}

// newPlan makes a Plan the owner of a C plan.
func newPlan(plan *C.koodrive_plan) *Plan {
	p := new(Plan)
	p.own(plan)
	return p
}

func (p *Plan) own(plan *C.koodrive_plan) {
	p.plan = plan
	runtime.AddCleanup(p, func(plan *C.koodrive_plan) { C.koodrive_plan_free(plan) }, plan)
}

// handle returns the C plan. The caller holds the lock, and keeps p alive.
func (p *Plan) handle() *C.koodrive_plan {
	if p.plan == nil {
		p.own(C.koodrive_plan_new())
	}
	return p.plan
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
	var user *C.char // NULL: the config's.
	if userID != nil {
		if user, err = cText("user_id", *userID); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var failure *C.koodrive_error
	status := C.koodrive_plan_add_lines(p.handle(), user, device,
		(*C.char)(unsafe.Pointer(unsafe.SliceData(text))), C.size_t(len(text)), C.size_t(count), &failure)
	runtime.KeepAlive(p)
	return toGo(status, &failure)
}

// ScopeCount returns how many ids were added, repeats included.
func (p *Plan) ScopeCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer runtime.KeepAlive(p)
	return int(C.koodrive_plan_scope_count(p.handle()))
}

// RequestCount returns how many requests a run takes if no id is repeated and no request tried twice:
// a dry run's answer. Ids that were added without a user count as a user's of their own.
func (p *Plan) RequestCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer runtime.KeepAlive(p)
	return int(C.koodrive_plan_request_count(p.handle()))
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
