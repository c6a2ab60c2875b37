// Command koodrive is the library through its Go package.
package main

import (
	"context"
	"flag"
	"fmt"

	"koodrive"
	"koodrive/tests/bench/work"
)

func main() {
	flag.Parse()
	ids := work.ScopeIDs(0, *work.Requests**work.IDs)
	client, err := koodrive.NewClient(koodrive.Config{
		Endpoint:       fmt.Sprintf("http://127.0.0.1:%d", *work.Port),
		UserID:         work.User,
		AccessToken:    work.Token,
		MaxConnections: *work.Connections,
	})
	work.Must(err)
	defer client.Close()
	share := len(ids)
	if *work.Calls {
		share = *work.IDs
	}
	work.Must(remove(client, ids[:1])) // connects
	work.Measure(func() {
		for first := 0; first < len(ids); first += share {
			work.Must(remove(client, ids[first:first+share]))
		}
	})
}

func remove(client *koodrive.Client, ids []string) error {
	report, err := client.DeleteScopes(context.Background(), work.Device, ids)
	if err != nil {
		return err
	}
	outcomes := report.Outcomes()
	for i, id := range ids {
		expected := koodrive.Deleted
		if work.Fails(id) {
			expected = koodrive.NotFound
		}
		if outcomes[i] != expected {
			return fmt.Errorf("id %d: %v", i, outcomes[i])
		}
	}
	return nil
}
