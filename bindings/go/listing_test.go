package koodrive_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"koodrive"
)

const described = "1775406005920779393"

// newDescribedSandbox starts a sandbox with two devices, one of which the service says everything of.
func newDescribedSandbox(t *testing.T, more options) *sandbox {
	t.Helper()
	scope := func(id, module, path string) options {
		return options{"scopeId": id, "moduleCode": module, "localPath": path,
			"targetFolderPath": "/backup/a", "createTime": "2025-11-03T07:01:40.000Z"}
	}
	all := options{"scopes": options{"users": options{user: options{
		described: options{"deviceName": "Magic v3", "deviceOS": "Android 15", "machineCode": "20250911",
			"createTime": "2025-09-15T06:14:48.630Z", "scopes": []options{}},
		device: []options{
			scope("1", "100", "/Documents/Ünder\nthe \U0001F333"),
			scope("2", "101", "/DCIM/Summer"),
			scope("3", "102", "/Contacts"),
			scope("4", "101", "/DCIM/Winter"),
		},
	}}}}
	for name, value := range more {
		all[name] = value
	}
	return newSandbox(t, all)
}

// idsOf returns the ids of a list.
func idsOf(list *koodrive.ScopeList) []string {
	ids := []string{}
	for scope := range list.All() {
		ids = append(ids, scope.ID)
	}
	return ids
}

func scopesOf(t *testing.T, client *koodrive.Client, options ...koodrive.ScopesOption) *koodrive.ScopeList {
	t.Helper()
	list, err := client.Scopes(t.Context(), device, options...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// lists are all calls that list, of the config's user and of another one.
func lists(ctx context.Context, client *koodrive.Client) map[string]func() error {
	return map[string]func() error{
		"devices":           func() error { _, err := client.Devices(ctx); return err },
		"devices of a user": func() error { _, err := client.DevicesFor(ctx, user); return err },
		"scopes":            func() error { _, err := client.Scopes(ctx, device); return err },
		"scopes of a user":  func() error { _, err := client.ScopesFor(ctx, user, device); return err },
	}
}

func TestDevices(t *testing.T) {
	s := newDescribedSandbox(t, nil)
	for _, client := range []*koodrive.Client{
		s.client(t),
		s.client(t, func(config *koodrive.Config) { config.UserID = "another" }),
	} {
		devices, err := client.DevicesFor(t.Context(), user)
		expect(t, "error", err, nil)
		expect(t, "devices", devices, []koodrive.Device{
			{ID: described, Name: "Magic v3", OS: "Android 15", MachineCode: "20250911",
				CreatedAt: "2025-09-15T06:14:48.630Z"},
			{ID: device},
		})
	}
	devices, err := s.client(t).Devices(t.Context())
	expect(t, "error", err, nil)
	expect(t, "how many", len(devices), 2)
	expect(t, "requests", s.totals(t).Requests, 3)
}

func TestScopesOfOneModuleAndOfAll(t *testing.T) {
	s := newDescribedSandbox(t, nil)
	client := s.client(t)
	expect(t, "albums", slices.Collect(scopesOf(t, client, koodrive.OfModule(koodrive.ModuleAlbums)).All()),
		[]koodrive.Scope{
			{ID: "2", Module: koodrive.ModuleAlbums, LocalPath: "/DCIM/Summer", TargetFolderPath: "/backup/a",
				CreatedAt: "2025-11-03T07:01:40.000Z"},
			{ID: "4", Module: koodrive.ModuleAlbums, LocalPath: "/DCIM/Winter", TargetFolderPath: "/backup/a",
				CreatedAt: "2025-11-03T07:01:40.000Z"},
		})
	expect(t, "requests", s.totals(t).Requests, 1)
	all := scopesOf(t, client)
	expect(t, "requests", s.totals(t).Requests, 4)
	expect(t, "length", all.Len(), 4)
	expect(t, "ids", idsOf(all), []string{"1", "2", "4", "3"})
	for scope := range all.All() {
		expect(t, "path", scope.LocalPath, "/Documents/Ünder\nthe \U0001F333")
		break // An iterator may be left.
	}
	empty, err := client.Scopes(t.Context(), described)
	expect(t, "error", err, nil)
	expect(t, "scopes of a device without any", idsOf(empty), []string{})
}

func TestWhatIsListedCanBeDeleted(t *testing.T) {
	s := newDescribedSandbox(t, nil)
	// The list's user, not that of the client which runs the plan.
	client := s.client(t, func(config *koodrive.Config) { config.UserID = "another" })
	albums, err := client.ScopesFor(t.Context(), user, device, koodrive.OfModule("101"))
	if err != nil {
		t.Fatal(err)
	}
	var plan koodrive.Plan
	if err := plan.AddScopes(albums); err != nil {
		t.Fatal(err)
	}
	report, err := client.DeletePlan(t.Context(), &plan)
	expect(t, "error", err, nil)
	expect(t, "scopes", slices.Collect(func(yield func(koodrive.ScopeOutcome) bool) {
		for _, scope := range report.All() {
			yield(scope)
		}
	}), []koodrive.ScopeOutcome{
		{UserID: user, DeviceID: device, ScopeID: "2", Outcome: koodrive.Deleted},
		{UserID: user, DeviceID: device, ScopeID: "4", Outcome: koodrive.Deleted},
	})
	expect(t, "what is left", idsOf(scopesOf(t, s.client(t))), []string{"1", "3"})
}

func TestTheServiceSaysWhyItListsNothing(t *testing.T) {
	s := newDescribedSandbox(t, options{"forbidden_users": []string{"forbidden"}})
	client := s.client(t)
	_, unknownUser := client.DevicesFor(t.Context(), "nobody")
	list, unknownDevice := client.Scopes(t.Context(), "unknown")
	_, unknownModule := client.Scopes(t.Context(), device, koodrive.OfModule("999"))
	_, forbidden := client.ScopesFor(t.Context(), "forbidden", device)
	if list != nil {
		t.Error("there is a list")
	}
	for _, refused := range []struct {
		err         error
		httpStatus  int
		serviceCode string
	}{
		{unknownUser, 404, "15000403"},
		{unknownDevice, 404, "15000404"},
		{unknownModule, 400, "13000102"},
		{forbidden, 403, ""},
	} {
		var failure *koodrive.Error
		if !errors.Is(refused.err, koodrive.ErrService) || !errors.As(refused.err, &failure) {
			t.Fatalf("got %v, want %v", refused.err, koodrive.ErrService)
		}
		expect(t, "HTTP status", failure.HTTPStatus, refused.httpStatus)
		if refused.serviceCode != "" {
			expect(t, "service code", failure.ServiceCode, refused.serviceCode)
		}
		if failure.RequestID == "" || failure.Message == "" {
			t.Errorf("something is missing: %+v", failure)
		}
	}
}

func TestListsThatFail(t *testing.T) {
	one := func(config *koodrive.Config) { config.MaxAttempts = 1 }
	for name, failing := range map[string]struct {
		fault any
		want  error
	}{
		"unauthorized": {options{"status": options{"status": 401}}, koodrive.ErrUnauthorized},
		"lost":         {"lose_answer", koodrive.ErrUnreachable},
		"no list":      {options{"body": options{"executed": true, "body": "<html>"}}, koodrive.ErrInvalidResponse},
		"a wrong module": {options{"body": options{"executed": true,
			"body": `{"code":0,"data":[{}],"scopeList":[{"scopeId":"1","moduleCode":"999"}]}`}}, koodrive.ErrInvalidResponse},
	} {
		t.Run(name, func(t *testing.T) {
			s := newDescribedSandbox(t, options{"faults": []options{{"fault": failing.fault}}})
			for what, list := range lists(t.Context(), s.client(t, one)) {
				if err := list(); !errors.Is(err, failing.want) {
					t.Errorf("%s: got %v, want %v", what, err, failing.want)
				}
			}
		})
	}
}

func TestTheEndOfAContextEndsAListAmidAResponse(t *testing.T) {
	s := newDescribedSandbox(t, options{"faults": []options{{"fault": options{"hang": options{"executed": true}}}}})
	client := s.client(t)
	why := errors.New("the user went away")
	requests := 0
	for what := range lists(t.Context(), client) {
		ctx, cancel := context.WithCancelCause(t.Context())
		returned := make(chan error, 1)
		go func() { returned <- lists(ctx, client)[what]() }()
		requests++
		eventually(t, "the request arrives", func() bool { return s.totals(t).Requests == requests })
		cancel(why)
		err := <-returned
		for _, target := range []error{koodrive.ErrCancelled, context.Canceled, why} {
			if !errors.Is(err, target) {
				t.Errorf("%s: %v is not %v", what, err, target)
			}
		}
	}
}

func TestAnEndedContextListsNothing(t *testing.T) {
	s := newDescribedSandbox(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for what, list := range lists(ctx, s.client(t)) {
		if err := list(); !errors.Is(err, context.Canceled) || !errors.Is(err, koodrive.ErrCancelled) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	expect(t, "requests", s.totals(t).Requests, 0)
}

func TestBadArgumentsListNothing(t *testing.T) {
	s := newDescribedSandbox(t, nil)
	client := s.client(t)
	ctx := t.Context()
	for _, text := range []string{"", "a\x00b", "a\xffb", "a\nb"} {
		_, err := client.DevicesFor(ctx, text)
		refused(t, err, "user_id")
		_, err = client.ScopesFor(ctx, text, device)
		refused(t, err, "user_id")
		_, err = client.Scopes(ctx, text)
		refused(t, err, "device_id")
		list, err := client.Scopes(ctx, device, koodrive.OfModule(koodrive.Module(text)))
		refused(t, err, "module_code")
		if list != nil {
			t.Error("there is a list")
		}
	}
	_, err := client.Scopes(ctx, "..")
	refused(t, err, "device_id")
	nobody := s.client(t, func(config *koodrive.Config) { config.UserID = "" })
	devices, err := nobody.Devices(ctx)
	refused(t, err, "user_id")
	if devices != nil {
		t.Error("there is a list")
	}
	expect(t, "connections", s.totals(t).Connections, 1) // This look at the ledger.
}

func TestAClosedClientListsNothing(t *testing.T) {
	s := newDescribedSandbox(t, nil)
	client := s.client(t)
	list := scopesOf(t, client)
	client.Close()
	for what, list := range lists(t.Context(), client) {
		if err := list(); !errors.Is(err, koodrive.ErrClosed) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	expect(t, "a list outlives its client", idsOf(list), []string{"1", "2", "4", "3"})
}

func TestACopyOfAListIsTheSame(t *testing.T) {
	s := newDescribedSandbox(t, nil)
	copied := copyOf(scopesOf(t, s.client(t))) // Nobody holds the original.
	collectAll()
	for range 20 {
		scopesOf(t, s.client(t), koodrive.OfModule(koodrive.ModuleFolders))
	}
	seen := []string{}
	for scope := range copied.All() {
		*copied = koodrive.ScopeList{} // Nor the copy, from here on.
		collectAll()
		seen = append(seen, scope.ID)
	}
	expect(t, "ids", seen, []string{"1", "2", "4", "3"})
}

func TestAPlanRefusesWhatIsNoList(t *testing.T) {
	var none *koodrive.ScopeList
	var empty koodrive.ScopeList
	for _, list := range []*koodrive.ScopeList{none, &empty} {
		expect(t, "length", list.Len(), 0)
		expect(t, "ids", idsOf(list), []string{})
		plan := planOf(t, "1")
		refused(t, plan.AddScopes(list), "scopes: must not be NULL")
		expect(t, "ids", plan.ScopeCount(), 1)
		refused(t, copyOf(plan).AddScopes(list), "plan: is a copy")
	}
	refused(t, (*koodrive.Plan)(nil).AddScopes(&empty), "plan: must not be nil")
}

func TestAListMayBeSharedByGoroutines(t *testing.T) {
	s := newSandbox(t, nil)
	client := s.client(t)
	list := scopesOf(t, client)
	collectGarbage(t)
	var plan koodrive.Plan
	var wait sync.WaitGroup
	for range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			own, err := client.Scopes(t.Context(), device)
			if err != nil {
				t.Error(err)
			}
			expect(t, "ids", idsOf(list), idsOf(own))
			if err := plan.AddScopes(list); err != nil {
				t.Error(err)
			}
		}()
	}
	wait.Wait()
	expect(t, "ids", plan.ScopeCount(), 8*150)
}
