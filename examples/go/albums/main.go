// Albums lists a user's devices, and deletes the albums of those that are named, after a question. Where the
// service is and who asks comes from the environment: KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, KOODRIVE_ACCESS_TOKEN.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"koodrive"
)

func main() {
	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	check(err)
	defer client.Close()
	devices, err := client.Devices(context.Background())
	check(err)
	for _, device := range devices {
		fmt.Printf("device %s: %s\n", device.ID, device.Name)
	}
	for _, device := range os.Args[1:] {
		deleteAlbums(client, device)
	}
}

func deleteAlbums(client *koodrive.Client, device string) {
	albums := list(client, device)
	for scope := range albums.All() {
		fmt.Printf("album %s: %s\n", scope.ID, scope.LocalPath)
	}
	fmt.Printf("Delete %d albums? [y/N]\n", albums.Len())
	var answer string
	if fmt.Scanln(&answer); answer == "y" {
		plan := new(koodrive.Plan)
		check(plan.AddScopes(albums))
		report, err := client.DeletePlan(context.Background(), plan)
		check(err)
		for _, scope := range report.All() {
			fmt.Println(scope.Outcome)
		}
	}
	fmt.Printf("%d albums are left\n", list(client, device).Len())
}

func list(client *koodrive.Client, device string) *koodrive.ScopeList {
	albums, err := client.Scopes(context.Background(), device, koodrive.OfModule(koodrive.ModuleAlbums))
	check(err)
	return albums
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
