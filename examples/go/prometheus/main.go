// Prometheus counts for Prometheus what happens in a run: prometheus DEVICE ID...
package main

import (
	"context"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"koodrive"
)

func main() {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "koodrive_request_seconds"}, []string{"status"})
	events := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "koodrive_events_total"}, []string{"kind"})
	prometheus.MustRegister(seconds, events)
	monitor := new(koodrive.Monitor)
	for name, count := range map[string]func() int{
		"koodrive_requests_total":       monitor.RequestsSent,
		"koodrive_retries_total":        monitor.Retries,
		"koodrive_throttles_total":      monitor.Throttles,
		"koodrive_events_dropped_total": monitor.EventsDropped, // more than 0: koodrive_events_total is too low
	} {
		total := func() float64 { return float64(count()) }
		prometheus.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name}, total))
	}

	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	check(err)
	defer client.Close()
	check(monitor.KeepEvents(10_000))
	ended := make(chan error)
	go func() {
		_, err := client.DeleteScopes(context.Background(), os.Args[1], os.Args[2:], koodrive.WithMonitor(monitor))
		ended <- err
	}()
	for goesOn := true; goesOn; {
		select {
		case err = <-ended:
			goesOn = false
		case <-time.After(100 * time.Millisecond):
		}
		for event, ok := monitor.NextEvent(); ok; event, ok = monitor.NextEvent() {
			if event.Kind == koodrive.EventRequest {
				seconds.WithLabelValues(strconv.Itoa(event.HTTPStatus)).Observe(event.Duration.Seconds())
			} else {
				events.WithLabelValues(event.Kind.String()).Inc()
			}
		}
	}
	families, gathered := prometheus.DefaultGatherer.Gather()
	check(gathered)
	for _, family := range families { // a service would serve promhttp.Handler() instead
		_, err := expfmt.MetricFamilyToText(os.Stdout, family)
		check(err)
	}
	check(err)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
