package koodrive_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"strings"
	"time"

	"koodrive"
)

// The environment says where the service is and who we are: KOODRIVE_ENDPOINT, KOODRIVE_USER_ID and
// KOODRIVE_ACCESS_TOKEN.
func Example() {
	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	report, err := client.DeleteScopes(context.Background(), "1842812272691451648",
		[]string{"1842846715527000000", "345"})
	if report == nil {
		log.Fatal("nothing was sent: ", err)
	}
	if err != nil {
		log.Print("the run is incomplete: ", err)
	}
	for _, scope := range report.All() {
		fmt.Println(scope.ScopeID, scope.Outcome)
	}
	// Output:
	// 1842846715527000000 DELETED
	// 345 NOT_FOUND
}

// One plan for many users and devices; a dry run first.
func ExampleClient_DeletePlan() {
	var plan koodrive.Plan
	if err := plan.Add("phone", []string{"1842846715527000000", "1842846715527000001"}); err != nil {
		log.Fatal(err)
	}
	if err := plan.AddLinesFor("1505084218764547201", "tablet", []byte("1842846715527000000\n")); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d ids in %d requests\n", plan.ScopeCount(), plan.RequestCount())

	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	report, err := client.DeletePlan(context.Background(), &plan)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Tally(koodrive.Deleted), "deleted")
	// Output:
	// 3 ids in 2 requests
	// 3 deleted
}

// What a CSV file says is deleted: its columns are user, device and scope id.
func ExamplePlan_AddFor() {
	file := strings.NewReader("user_id,device_id,scope_id\nAnn,phone,1842846715527000000\nBob,tablet,345\n")
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		log.Fatal(err)
	}
	var plan koodrive.Plan
	for index, row := range rows[1:] {
		if err := plan.AddFor(row[0], row[1], row[2:3]); err != nil {
			log.Fatalf("row %d: %v", index+1, err) // a damaged id, for instance
		}
	}
	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	report, err := client.DeletePlan(context.Background(), &plan)
	if err != nil {
		log.Fatal(err)
	}
	for _, scope := range report.All() {
		fmt.Println(scope.UserID, scope.DeviceID, scope.ScopeID, scope.Outcome)
	}
	// Output:
	// Ann phone 1842846715527000000 DELETED
	// Bob tablet 345 NOT_FOUND
}

// What there is is listed, and a whole list or some of it deleted.
func ExampleClient_Scopes() {
	ctx := context.Background()
	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	devices, err := client.DevicesFor(ctx, "Li")
	if err != nil {
		log.Fatal(err)
	}
	var plan koodrive.Plan
	for _, device := range devices {
		albums, err := client.ScopesFor(ctx, "Li", device.ID, koodrive.OfModule(koodrive.ModuleAlbums))
		if err != nil {
			log.Fatal(err)
		}
		for album := range albums.All() {
			fmt.Println(device.Name, album.LocalPath)
		}
		if err := plan.AddScopes(albums); err != nil {
			log.Fatal(err)
		}
	}
	report, err := client.DeletePlan(ctx, &plan)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Tally(koodrive.Deleted), "deleted")
	// Output:
	// Phone 1 /DCIM/Album 9
	// 1 deleted
}

// A deadline stops the run; what is not done can be taken up later.
func ExampleReport_Unfinished() {
	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithDeadline(context.Background(), time.Now())
	defer cancel()

	report, err := client.DeleteScopes(ctx, "old phone", []string{"1842846715527000000"})
	if errors.Is(err, context.DeadlineExceeded) {
		fmt.Println("incomplete:", report.Tally(koodrive.NotSent), "not sent")
		report, err = client.DeletePlan(context.Background(), report.Unfinished())
	}
	fmt.Println(report.Tally(koodrive.Deleted), "deleted, error:", err)
	// Output:
	// incomplete: 1 not sent
	// 1 deleted, error: <nil>
}

// Errors are found by their status, and say more as an Error.
func ExampleError() {
	var plan koodrive.Plan
	err := plan.Add("phone", []string{"1842846715527366700VW5TYWZlSW50ZWdlcg=="})
	if errors.Is(err, koodrive.ErrInvalidArgument) {
		fmt.Println("nothing was added:", plan.ScopeCount())
	}
	var failure *koodrive.Error
	if errors.As(err, &failure) {
		fmt.Println(failure.Status, failure.HTTPStatus, failure.Retryable)
	}
	// Output:
	// nothing was added: 0
	// koodrive: INVALID_ARGUMENT 0 false
}

// A log says what happens in a run: here without what is another in every run.
func ExampleWithLogger() {
	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, attribute slog.Attr) slog.Attr {
			switch attribute.Key {
			case slog.TimeKey, "elapsed", "duration", "request_id":
				return slog.Attr{}
			}
			return attribute
		},
	}))

	_, err = client.DeleteScopes(context.Background(), "camera", []string{"1842846715527000000", "345"},
		koodrive.WithLogger(logger))
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// level=DEBUG msg="the service answered the request" kind=REQUEST user_id=1505084218764547200 device_id=camera first_scope_id=1842846715527000000 http_status=200 scope_count=2 attempt=1
}

// A monitor shows how far a run is. Stopping the context lets the answers under way come in; Abandon
// does not.
func ExampleMonitor() {
	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	var monitor koodrive.Monitor
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		_, err = client.DeleteScopes(context.Background(), "album", []string{"1842846715527000000"},
			koodrive.WithMonitor(&monitor))
	}()
	for running := true; running; {
		select {
		case <-finished:
			running = false
		case <-time.After(100 * time.Millisecond):
		}
		done, total := monitor.Progress()
		if !running {
			fmt.Printf("%d of %d, error: %v\n", done, total, err)
		}
	}
	// Output:
	// 1 of 1, error: <nil>
}
