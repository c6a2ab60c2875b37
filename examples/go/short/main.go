// Short deletes two scopes of one device. Where the service is and who asks comes from the environment:
// KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, KOODRIVE_ACCESS_TOKEN.
package main

import (
	"context"
	"fmt"
	"log"

	"koodrive"
)

func main() {
	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ids := []string{"1842846715527000000", "345"}
	report, err := client.DeleteScopes(context.Background(), "1842812272691451648", ids)
	if report != nil {
		for _, scope := range report.All() {
			fmt.Printf("%s: %v\n", scope.ScopeID, scope.Outcome)
		}
	}
	if err != nil { // the run is incomplete
		log.Print(err)
	}
}
