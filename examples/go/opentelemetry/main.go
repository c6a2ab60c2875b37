// Opentelemetry counts for OpenTelemetry what happens in a run: opentelemetry DEVICE ID...
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"koodrive"
)

func main() {
	ctx := context.Background()
	reader := sdk.NewManualReader() // a service would have one that exports
	meter := sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("koodrive")
	durations, err := meter.Int64Histogram("koodrive.request.duration", metric.WithUnit("ms"))
	check(err)
	events, err := meter.Int64Counter("koodrive.events")
	check(err)
	monitor := new(koodrive.Monitor)
	for name, count := range map[string]func() int{
		"koodrive.requests":       monitor.RequestsSent,
		"koodrive.retries":        monitor.Retries,
		"koodrive.throttles":      monitor.Throttles,
		"koodrive.events.dropped": monitor.EventsDropped, // more than 0: koodrive.events is too low
	} {
		_, err := meter.Int64ObservableCounter(name, metric.WithInt64Callback(
			func(_ context.Context, observer metric.Int64Observer) error {
				observer.Observe(int64(count()))
				return nil
			}))
		check(err)
	}

	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	check(err)
	defer client.Close()
	check(monitor.KeepEvents(10_000))
	ended := make(chan error)
	go func() {
		_, err := client.DeleteScopes(ctx, os.Args[1], os.Args[2:], koodrive.WithMonitor(monitor))
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
				status := attribute.Int("http.response.status_code", event.HTTPStatus)
				durations.Record(ctx, event.Duration.Milliseconds(), metric.WithAttributes(status))
			} else {
				events.Add(ctx, 1, metric.WithAttributes(attribute.Stringer("kind", event.Kind)))
			}
		}
	}
	var metrics metricdata.ResourceMetrics
	check(reader.Collect(ctx, &metrics))
	check(json.NewEncoder(os.Stdout).Encode(metrics.ScopeMetrics))
	check(err)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
