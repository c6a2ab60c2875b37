package koodrive

// #include <koodrive.h>
import "C"

import (
	"iter"
	"runtime"
	"time"
)

// An EventKind says what kind of thing happened in a run. A later library may report kinds that are not listed
// here.
type EventKind int32

const (
	// EventRequest: a request was answered, or failed after it was sent.
	EventRequest EventKind = C.KOODRIVE_EVENT_REQUEST
	// EventRetry: a request will be sent again; why, and when.
	EventRetry EventKind = C.KOODRIVE_EVENT_RETRY
	// EventThrottled: the service refused a request for its rate, which was cut; the rate from now on. What was under
	// way by then may be refused, too, and cuts nothing: [Monitor.Throttles] counts these as well.
	EventThrottled EventKind = C.KOODRIVE_EVENT_THROTTLED
	// EventOutageBegan: the service is down, since when and why. Requests wait. It is noticed only when requests have
	// failed for a while.
	EventOutageBegan EventKind = C.KOODRIVE_EVENT_OUTAGE_BEGAN
	// EventOutageEnded: the service is back, and after how long.
	EventOutageEnded EventKind = C.KOODRIVE_EVENT_OUTAGE_ENDED
	// EventClockCorrected: our clock was found wrong, and by how much. Requests carry the service's time from now
	// on.
	EventClockCorrected EventKind = C.KOODRIVE_EVENT_CLOCK_CORRECTED
	// EventStopping: why nothing new is sent.
	EventStopping EventKind = C.KOODRIVE_EVENT_STOPPING
	// EventGivenUp: a request is not sent again, which leaves ids of it without a success, or a list without an end;
	// why. Told once of each request that failed, for good or as often as it is tried, or that waited for its next
	// try after a failure when the run stopped. Of what else a stop leaves only [EventStopping] tells: what was never
	// tried, what is under way and abandoned, a half that was not sent.
	EventGivenUp EventKind = C.KOODRIVE_EVENT_GIVEN_UP
)

// String returns the kind's name, such as "OUTAGE_BEGAN"; "UNDEFINED" of a number that is none.
func (k EventKind) String() string {
	return C.GoString(C.koodrive_event_kind_name(C.int32_t(k)))
}

// An Event is one thing that happened in a run; see [Monitor.KeepEvents].
type Event struct {
	Kind EventKind
	// Message says what happened, in one line, with what the service or the network said. It never holds a secret.
	// What is longer than 512 bytes is cut and ends with "...": the call's error and report say all.
	Message string
	// UserID is the user of the request that an [EventRequest], [EventRetry] or [EventGivenUp] is about; empty of
	// other kinds.
	UserID string
	// DeviceID is the device of that request; empty of a list of devices, and of other kinds.
	DeviceID string
	// FirstScopeID is the first id that the request holds: with user and device it tells the request from all others
	// of the run. What is sent again holds only the ids that are left. Empty of a call that lists, and of other kinds.
	FirstScopeID string
	// RequestID is the X-Request-Id of the response behind it, for the service's support; empty if there is none.
	RequestID string
	// HTTPStatus is that of the response; 0 if there is none.
	HTTPStatus int
	// Elapsed says when it happened, since the run began, in whole milliseconds.
	Elapsed time.Duration
	// Duration is of an [EventRequest] how long it took, from its first byte sent to its whole response; of an
	// [EventOutageBegan] and [EventOutageEnded] how long the service had been down by then, since the first failure;
	// in whole milliseconds. 0 of other kinds.
	Duration time.Duration
	// ScopeCount is how many ids that request holds; 0 of a call that lists, and of other kinds.
	ScopeCount int
	// Attempt says which try it is, from 1: of an [EventRequest] the one that it is about, of an [EventRetry] the
	// next one, of an [EventGivenUp] the last one, 0 if it was never sent. A request that was halved begins anew. A
	// connection that can't be had is no try: after it comes an [EventRetry], without an [EventRequest], of the try
	// that is still to come. 0 of other kinds.
	Attempt int
	// Rate is of an [EventThrottled] how many requests a second are sent from now on, at the most; 0 of other kinds.
	Rate float64
}

// newEvent returns what a C event holds, and frees it.
func newEvent(event *C.koodrive_event) Event {
	defer C.koodrive_event_free(event)
	return Event{
		Kind:         EventKind(C.koodrive_event_kind(event)),
		Message:      C.GoString(C.koodrive_event_message(event)),
		UserID:       C.GoString(C.koodrive_event_user_id(event)),
		DeviceID:     C.GoString(C.koodrive_event_device_id(event)),
		FirstScopeID: C.GoString(C.koodrive_event_first_scope_id(event)),
		RequestID:    C.GoString(C.koodrive_event_request_id(event)),
		HTTPStatus:   int(C.koodrive_event_http_status(event)),
		Elapsed:      time.Duration(C.koodrive_event_elapsed_ms(event)) * time.Millisecond,
		Duration:     time.Duration(C.koodrive_event_duration_ms(event)) * time.Millisecond,
		ScopeCount:   int(C.koodrive_event_scope_count(event)),
		Attempt:      int(C.koodrive_event_attempt(event)),
		Rate:         float64(C.koodrive_event_rate(event)),
	}
}

// A keeper is whom the events of a monitor are kept for.
type keeper int

const (
	nobody keeper = iota
	caller        // of Monitor.KeepEvents
	logger        // of the call that uses the monitor
)

// KeepEvents keeps up to so many events of the runs that begin from now on, for [Monitor.NextEvent]; 0, which a
// new monitor has: none. The oldest go first, and [Monitor.EventsDropped] says how many went. Events that are kept
// by now go. An event takes some 400 bytes, and 2 KiB at the most, as long texts are cut.
//
// The error is an [*Error] with [ErrInvalidArgument] if capacity is negative or more than 16777216 (2^24), or while
// a run goes on.
func (m *Monitor) KeepEvents(capacity int) error {
	inner := m.use()
	inner.mu.Lock()
	defer inner.mu.Unlock()
	if inner.keeper == logger {
		return invalid("monitor: a run goes on, whose events are logged")
	}
	return inner.keep(capacity, caller)
}

// NextEvent takes the oldest event that is kept, also while the run goes on. It returns false if there is none now,
// and while the run has a logger, which gets them all; it waits for nothing.
func (m *Monitor) NextEvent() (Event, bool) {
	inner := m.use()
	inner.mu.Lock()
	defer inner.mu.Unlock()
	if inner.keeper == logger {
		return Event{}, false
	}
	return inner.next()
}

// EventsDropped returns how many events went since [Monitor.KeepEvents] because there was no room.
func (m *Monitor) EventsDropped() int {
	return m.use().dropped()
}

// RequestsSent returns how many requests the run has sent by now, tries that failed included.
func (m *Monitor) RequestsSent() int {
	defer runtime.KeepAlive(m)
	return int(C.koodrive_monitor_requests_sent(m.use().handle))
}

// Retries returns how often a request of the run had to be sent again by now, whatever for.
func (m *Monitor) Retries() int {
	defer runtime.KeepAlive(m)
	return int(C.koodrive_monitor_retries(m.use().handle))
}

// Throttles returns how often the service refused a request of the run for its rate by now (HTTP 429 or 503).
func (m *Monitor) Throttles() int {
	defer runtime.KeepAlive(m)
	return int(C.koodrive_monitor_throttles(m.use().handle))
}

// keep is to be called with mu held. A negative capacity becomes one that is too large.
func (m *monitor) keep(capacity int, keeper keeper) error {
	defer runtime.KeepAlive(m)
	var failure *C.koodrive_error
	err := toGo(C.koodrive_monitor_keep_events(m.handle, C.size_t(capacity), &failure), &failure)
	if err != nil {
		return err
	}
	m.keeper = keeper
	if capacity == 0 {
		m.keeper = nobody
	}
	return nil
}

func (m *monitor) next() (Event, bool) {
	defer runtime.KeepAlive(m)
	event := C.koodrive_monitor_next_event(m.handle)
	if event == nil {
		return Event{}, false
	}
	return newEvent(event), true
}

// events takes those that are kept by now.
func (m *monitor) events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for {
			event, is := m.next()
			if !is || !yield(event) {
				return
			}
		}
	}
}

func (m *monitor) dropped() int {
	defer runtime.KeepAlive(m)
	return int(C.koodrive_monitor_events_dropped(m.handle))
}
