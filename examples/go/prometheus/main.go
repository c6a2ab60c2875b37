// Prometheus counts for Prometheus what happens in a run: prometheus DEVICE ID...
package main

import (
	"context"
	"log"
	"os"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"koodrive"
)

func main() {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "koodrive_request_seconds"}, []string{"status"})
	events := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "koodrive_events_total"}, []string{"kind"})
	prometheus.MustRegister(seconds, events)

	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	check(err)
	defer client.Close()
	monitor := new(koodrive.Monitor)
	check(monitor.KeepEvents(10_000))
	_, err = client.DeleteScopes(context.Background(), os.Args[1], os.Args[2:], koodrive.WithMonitor(monitor))
	for event, ok := monitor.NextEvent(); ok; event, ok = monitor.NextEvent() { // or from a goroutine, meanwhile
		if event.Kind == koodrive.EventRequest {
			seconds.WithLabelValues(strconv.Itoa(event.HTTPStatus)).Observe(event.Duration.Seconds())
		} else {
			events.WithLabelValues(event.Kind.String()).Inc()
		}
	}
	check(err)
	families, err := prometheus.DefaultGatherer.Gather()
	check(err)
	for _, family := range families { // a service would serve promhttp.Handler() instead
		_, err := expfmt.MetricFamilyToText(os.Stdout, family)
		check(err)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
