// Deletes backup scopes and says what became of each.
//
//	delete_scopes [--user ID] --device ID [ids and --file FILE]... [--device ID ...]
//	              [--journal FILE] [--dry-run] [--progress] [--quiet]
//
// Ids are arguments, or stand one a line in FILE ("-": standard input). --user and --device hold for
// what comes after them. With --journal the run is written down in FILE, and the same command takes up one
// that was killed. Where the service is and who we are comes from the environment:
// KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, and KOODRIVE_ACCESS_TOKEN or KOODRIVE_APP_ID with
// KOODRIVE_APP_SECRET.
//
// Exit status: 0 all gone, 1 some may still exist, 2 usage, 3 the run is incomplete.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"koodrive"
)

const (
	allGone = iota
	someLeft
	usage
	incomplete
)

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(arguments []string) int {
	if len(arguments) == 0 {
		fmt.Fprintf(os.Stderr, "usage: %s [--user ID] --device ID [ID | --file FILE]... "+
			"[--journal FILE] [--dry-run] [--progress] [--quiet]\n", os.Args[0])
		return usage
	}
	var job job
	if !job.read(arguments) {
		return usage
	}
	if job.dryRun {
		fmt.Printf("%d ids in %d requests; nothing was sent\n", job.plan.ScopeCount(), job.plan.RequestCount())
		return allGone
	}
	client, err := koodrive.NewClient(koodrive.ConfigFromEnv())
	if err != nil {
		return fail("configuration", err)
	}
	defer client.Close()
	return job.run(client)
}

type job struct {
	plan                    koodrive.Plan
	options                 []koodrive.Option
	dryRun, progress, quiet bool
}

// read fills the plan from the command line; false after saying what is wrong.
func (j *job) read(arguments []string) bool {
	var user *string // nil: that of the environment
	var device string
	for ; len(arguments) > 0; arguments = arguments[1:] {
		word := arguments[0]
		isOption := strings.HasPrefix(word, "--")
		switch word {
		case "--dry-run":
			j.dryRun = true
			continue
		case "--progress":
			j.progress = true
			continue
		case "--quiet":
			j.quiet = true
			continue
		}
		if isOption && len(arguments) == 1 {
			fmt.Fprintf(os.Stderr, "%s: unknown, or its value is missing\n", word)
			return false
		}
		var err error
		if !isOption {
			err = j.addID(user, device, word)
		} else {
			value := arguments[1]
			arguments = arguments[1:]
			switch word {
			case "--user":
				user = &value
			case "--device":
				device = value
			case "--file":
				word = value
				err = j.addFile(user, device, value)
			case "--journal":
				j.options = append(j.options, koodrive.WithJournal(value))
			default:
				fmt.Fprintf(os.Stderr, "%s: unknown option\n", word)
				return false
			}
		}
		if err != nil {
			fail(word, err)
			return false
		}
	}
	return true
}

func (j *job) addID(user *string, device, id string) error {
	if user == nil {
		return j.plan.Add(device, []string{id})
	}
	return j.plan.AddFor(*user, device, []string{id})
}

func (j *job) addFile(user *string, device, path string) error {
	var text []byte
	var err error
	if path == "-" {
		text, err = io.ReadAll(os.Stdin)
	} else {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return errors.New("can't be read")
	}
	if user == nil {
		return j.plan.AddLines(device, text)
	}
	return j.plan.AddLinesFor(*user, device, text)
}

func (j *job) run(client *koodrive.Client) int {
	var monitor koodrive.Monitor
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	interrupts := make(chan os.Signal, 2)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	finished := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		j.watch(finished, interrupts, cancel, &monitor)
	}()
	report, err := client.DeletePlan(ctx, &j.plan, append(j.options, koodrive.WithMonitor(&monitor))...)
	close(finished)
	<-watched

	status := allGone
	if report != nil {
		printTable(report, j.quiet)
		printTally(report)
		for range report.Failures() {
			status = someLeft
			break
		}
	}
	if err != nil {
		fail("the run is incomplete", err)
		status = incomplete
		if report == nil {
			status = usage
		}
	}
	return status
}

// watch shows the progress, and takes care of Ctrl-C: the first waits for the responses under way, a
// second one does not.
func (j *job) watch(finished <-chan struct{}, interrupts <-chan os.Signal, cancel func(), monitor *koodrive.Monitor) {
	show := func(end string) {
		if j.progress {
			done, total := monitor.Progress()
			fmt.Fprintf(os.Stderr, "\r%d of %d ids%s", done, total, end)
		}
	}
	defer show("\n")
	stop := cancel
	ticks := time.NewTicker(100 * time.Millisecond)
	defer ticks.Stop()
	for {
		show("")
		select {
		case <-finished:
			return
		case <-interrupts:
			stop()
			stop = monitor.Abandon
		case <-ticks.C:
		}
	}
}

// printTable shows all ids, or only those that may still exist.
func printTable(report *koodrive.Report, onlyFailures bool) {
	scopes := report.All()
	if onlyFailures {
		scopes = report.Failures()
	}
	width := 0
	for _, scope := range scopes {
		width = max(width, len(scope.ScopeID))
	}
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	for _, scope := range scopes {
		fmt.Fprintf(output, "%-*s  %-9v  %-8s  %s\n", width, scope.ScopeID, scope.Outcome,
			cmp.Or(scope.ServiceCode, "-"), cmp.Or(scope.Message, "-"))
	}
}

func printTally(report *koodrive.Report) {
	fmt.Printf("%d ids:", report.Len())
	for outcome := koodrive.NotSent; outcome <= koodrive.Unknown; outcome++ {
		if tally := report.Tally(outcome); tally > 0 {
			fmt.Printf(" %d %v", tally, outcome)
		}
	}
	fmt.Printf("; requests: %d\n", report.RequestCount())
}

// fail says what an error says.
func fail(what string, err error) int {
	var failure *koodrive.Error
	if errors.As(err, &failure) {
		fmt.Fprintf(os.Stderr, "%s: %s: %s\n", what, failure.Status.String(), failure.Message)
	} else {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	}
	return usage
}
