// Opentelemetry counts for OpenTelemetry what happens in a run: opentelemetry DEVICE ID...
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"

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

	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	check(err)
	defer client.Close()
	monitor := new(koodrive.Monitor)
	check(monitor.KeepEvents(10_000))
	_, err = client.DeleteScopes(ctx, os.Args[1], os.Args[2:], koodrive.WithMonitor(monitor))
	for event, ok := monitor.NextEvent(); ok; event, ok = monitor.NextEvent() { // or from a goroutine, meanwhile
		if event.Kind == koodrive.EventRequest {
			status := attribute.Int("http.response.status_code", event.HTTPStatus)
			durations.Record(ctx, event.Duration.Milliseconds(), metric.WithAttributes(status))
		} else {
			events.Add(ctx, 1, metric.WithAttributes(attribute.Stringer("kind", event.Kind)))
		}
	}
	check(err)
	var metrics metricdata.ResourceMetrics
	check(reader.Collect(ctx, &metrics))
	check(json.NewEncoder(os.Stdout).Encode(metrics.ScopeMetrics))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
