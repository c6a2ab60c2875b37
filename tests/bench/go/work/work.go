// Package work is what the Go clients share: arguments, ids, measuring.
package work

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	Device = "dev-0001"
	User   = "4400001234567890"
	Token  = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

var (
	Port        = flag.Int("port", 0, "")
	Requests    = flag.Int("requests", 1000, "")
	IDs         = flag.Int("ids", 100, "")
	Connections = flag.Int("connections", 1, "")
	Calls       = flag.Bool("calls", false, "koodrive only: one delete call for each request")
)

// ScopeIDs returns count ids: the same ones in every client.
func ScopeIDs(first, count int) []string {
	ids := make([]string, count)
	for i := range ids {
		ids[i] = strconv.FormatUint(1000000000000000000+uint64(first+i)*982451653, 10)
	}
	return ids
}

// Fails says whether the server says of this id that it does not exist.
func Fails(id string) bool { return id[len(id)-1] == '7' }

// Must ends the program if something went wrong.
func Must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Measure runs what is measured and prints what it used, as one line of JSON.
func Measure(run func()) {
	user, system := cpu()
	start := time.Now()
	run()
	wall := time.Since(start).Seconds()
	userEnd, systemEnd := cpu()
	fmt.Printf("{\"wall_s\":%.6f,\"user_s\":%.6f,\"system_s\":%.6f,\"peak_kb\":%d}\n",
		wall, userEnd-user, systemEnd-system, peakKB())
}

func cpu() (user, system float64) {
	var usage syscall.Rusage
	Must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime), seconds(usage.Stime)
}

func peakKB() int {
	status, err := os.ReadFile("/proc/self/status")
	Must(err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	peak, err := strconv.Atoi(strings.Fields(rest)[0])
	Must(err)
	return peak
}
