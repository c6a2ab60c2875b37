// Command nethttp is net/http with a Transport that keeps as many connections as there are goroutines.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"koodrive/tests/bench/work"
)

// The requests cycle through as many batches as this.
const batchCount = 64

type batch struct {
	ids     []string
	failing int
}

type answer struct {
	Code    int      `json:"code"`
	Deleted []string `json:"scopeIdList"`
	Failed  []struct {
		ID      string `json:"scopeId"`
		Code    string `json:"errorCode"`
		Message string `json:"msg"`
	} `json:"failedScopeList"`
}

func main() {
	flag.Parse()
	batches := make([]batch, batchCount)
	for i := range batches {
		ids := work.ScopeIDs(i**work.IDs, *work.IDs)
		batches[i].ids = ids
		for _, id := range ids {
			if work.Fails(id) {
				batches[i].failing++
			}
		}
	}
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: *work.Connections,
		DisableCompression:  true,
	}}
	work.Measure(func() {
		var next atomic.Int64
		var workers sync.WaitGroup
		for range *work.Connections {
			workers.Add(1)
			go func() {
				defer workers.Done()
				for request := next.Add(1) - 1; request < int64(*work.Requests); request = next.Add(1) - 1 {
					work.Must(remove(client, batches[request%batchCount]))
				}
			}()
		}
		workers.Wait()
	})
}

func remove(client *http.Client, b batch) error {
	body, err := json.Marshal(map[string][]string{"scopeIdList": b.ids})
	if err != nil {
		return err
	}
	url := fmt.Sprintf("http://127.0.0.1:%d/koodrive/ose/v1/backup/device/%s/scope", *work.Port, work.Device)
	request, err := http.NewRequest(http.MethodDelete, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+work.Token)
	request.Header.Set("X-User-Id", work.User)
	request.Header.Set("X-Date", time.Now().UTC().Format("20060102T150405Z"))
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return check(response.StatusCode, data, b)
}

func check(status int, data []byte, b batch) error {
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		return err
	}
	deleted, failed := 0, 0
	for _, id := range a.Deleted {
		if len(id) == len(b.ids[0]) {
			deleted++
		}
	}
	for _, f := range a.Failed {
		if f.Code == "15000418" && len(f.ID) == len(b.ids[0]) && f.Message != "" {
			failed++
		}
	}
	if status != http.StatusOK || a.Code != 0 || failed != b.failing || deleted+failed != len(b.ids) {
		return fmt.Errorf("status %d, code %d, %d deleted, %d failed", status, a.Code, deleted, failed)
	}
	return nil
}
