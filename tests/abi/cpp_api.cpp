/* koodrive.hpp, as its documentation says. The sandbox has the scopes "1842846715527000000" to
 * "1842846715527000149" on every device, answers the user "forbidden" with 403, and fails "7" with
 * 15000999. */
#include <koodrive.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <forward_list>
#include <functional>
#include <iterator>
#include <new>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <unistd.h>
#include <vector>

using koodrive::EventKind;
using koodrive::Outcome;
using koodrive::Status;
using std::string_view_literals::operator""sv;

#define CHECK(condition)                                                                                \
    do {                                                                                                \
        if (!(condition)) {                                                                             \
            std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);              \
            std::exit(1);                                                                               \
        }                                                                                               \
    } while (0)

static std::atomic<std::size_t> allocations;

void *operator new(std::size_t size) {
    allocations++;
    if (void *memory = std::malloc(size)) {
        return memory;
    }
    throw std::bad_alloc();
}
void operator delete(void *memory) noexcept {
    std::free(memory);
}
void operator delete(void *memory, std::size_t) noexcept {
    std::free(memory);
}

static const std::string device = "1842812272691451648";
static const std::string first = "1842846715527000000";

/* The error that a call throws. */
static koodrive::Error error_of(const std::function<void()> &call) {
    try {
        call();
    } catch (const koodrive::Error &error) {
        return error;
    }
    CHECK(!"nothing was thrown");
    std::abort();
}

/* A call that must be refused with a message that names something. */
static void refused(const char *named, const std::function<void()> &call) {
    const koodrive::Error error = error_of(call);
    if (error.status() != Status::invalid_argument ||
        std::string(error.what()).find(named) == std::string::npos) {
        std::fprintf(stderr, "%s is not named by: %s\n", named, error.what());
        std::exit(1);
    }
    CHECK(error.report() == nullptr);
}

template <class T> static void moves_only() {
    static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>);
    static_assert(!std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>);
}

static void types() {
    moves_only<koodrive::Config>();
    moves_only<koodrive::Plan>();
    moves_only<koodrive::Monitor>();
    moves_only<koodrive::Event>();
    moves_only<koodrive::Client>();
    moves_only<koodrive::Report>();
    moves_only<koodrive::Devices>();
    moves_only<koodrive::Scopes>();
    static_assert(std::is_nothrow_copy_constructible_v<koodrive::Error>);
    CHECK(name(Outcome::not_found) == "NOT_FOUND" && name(Status::timed_out) == "TIMED_OUT");
    CHECK(name(static_cast<Outcome>(99)) == "UNDEFINED");
    CHECK(name(EventKind::outage_began) == "OUTAGE_BEGAN" && name(EventKind()) == "UNDEFINED");
    CHECK(koodrive::version() == koodrive_version());
#ifdef __cpp_lib_ranges
    static_assert(std::ranges::forward_range<koodrive::Report>);
    static_assert(std::ranges::sized_range<koodrive::Report>);
    static_assert(std::ranges::forward_range<koodrive::Devices>);
    static_assert(std::ranges::sized_range<koodrive::Scopes>);
    static_assert(std::ranges::view<koodrive::Failures>);
    static_assert(std::ranges::borrowed_range<koodrive::Failures>);
#endif
}

/* Ids come from any range of what converts to std::string_view. */
static void ids_of_every_kind() {
    std::vector<std::string> strings{"1", "2"};
    const std::set<std::string_view> views{"3", "4"};
    const char *const pointers[] = {"5", "6"};
    std::istringstream stream("7 8");
    koodrive::Plan plan;
    plan.add(device, strings).add(device, views).add(device, pointers).add(device, {"9", "10"});
    plan.add(device, std::forward_list<std::string>{"11"}).add(device, std::vector<std::string>());
    plan.add_for("Li", device, strings).add_for("Li", device, {"12"});
    plan.add_lines(device, "13\n14\n").add_lines_for("Li", device, "15");
    CHECK(plan.scope_count() == 15 && plan.request_count() == 2);
#ifdef __cpp_lib_ranges
    const auto numbers =
        std::views::iota(20, 40) | std::views::transform([](int i) { return std::to_string(i); });
    plan.add(device, numbers).add(device, std::views::istream<std::string>(stream));
    CHECK(plan.scope_count() == 37);
#endif
}

static void no_allocation_per_id() {
    const std::vector<std::string_view> ids(100000, first);
    koodrive::Plan plan;
    const std::size_t before = allocations;
    plan.add(device, ids);
    CHECK(plan.scope_count() == ids.size());
    CHECK(allocations - before < 50);
}

static void a_plan_that_was_tried(const koodrive::Client &client) {
    koodrive::Plan plan;
    plan.add(device, {"345"}).mark_tried().add(device, {"346"});
    const koodrive::Report report = client.delete_plan(plan);
    CHECK(report[0].outcome() == Outcome::gone && report[1].outcome() == Outcome::not_found);
}

static void tables(const koodrive::Client &client) {
    const koodrive::Report report = client.delete_scopes(device, {"345", "346"});
    ArrowArrayStream stream;
    report.to_arrow(&stream);
    koodrive::Plan plan;
    plan.add(device, {"1"}).add_arrow(&stream);
    CHECK(stream.release == nullptr && plan.scope_count() == 3);
    refused("stream: is released", [&] { plan.add_arrow(&stream); });
    refused("stream", [&] { plan.add_arrow(nullptr); });
    refused("out", [&] { report.to_arrow(nullptr); });
    CHECK(plan.scope_count() == 3);
}

static void a_journaled_run(const koodrive::Client &client) {
    char path[] = "/tmp/koodrive-journal-XXXXXX";
    const int file = mkstemp(path);
    CHECK(file >= 0 && close(file) == 0);
    koodrive::Plan plan;
    plan.add(device, {"345"});
    CHECK(client.delete_plan_journaled(plan, path).request_count() == 1);
    CHECK(client.delete_plan_journaled(plan, path).request_count() == 0);
    plan.add(device, {"346"});
    refused("journal: ", [&] { (void)client.delete_plan_journaled(plan, path); });
    refused("journal_path", [&] { (void)client.delete_plan_journaled(plan, "a\0b"sv); });
    CHECK(unlink(path) == 0);
}

static void a_run(const koodrive::Client &client) {
    koodrive::Plan plan;
    plan.add(device, {first, first, "345", "7"}).add_for("forbidden", "phone of Li/2", {first});
    koodrive::Monitor monitor;
    const koodrive::Error error = error_of([&] { (void)client.delete_plan(plan, &monitor); });
    CHECK(error.status() == Status::service && error.http_status() == 403 && !error.is_retryable());
    CHECK(error.service_code() && error.request_id() && *error.what() != '\0');
    CHECK(monitor.scopes_done() == 5 && monitor.scopes_total() == 5);

    const std::shared_ptr<const koodrive::Report> report = error.report();
    std::vector<Outcome> outcomes;
    for (const koodrive::ScopeOutcome scope : *report) {
        CHECK(scope.index() == outcomes.size());
        outcomes.push_back(scope.outcome());
    }
    CHECK((outcomes == std::vector{Outcome::deleted, Outcome::duplicate, Outcome::not_found,
                                   Outcome::rejected, Outcome::rejected}));
    CHECK(report->size() == 5 && !report->empty() && report->request_count() == 2);
    CHECK(report->tally(Outcome::rejected) == 2 && report->tally(Outcome::gone) == 0);

    const koodrive::ScopeOutcome locked = (*report)[3];
    CHECK(locked.scope_id() == "7" && locked.device_id() == device &&
          locked.user_id() == "1505084218764547200");
    CHECK(locked.service_code() == "15000999"sv && locked.message() == "The scope is locked."sv);
    CHECK(!(*report)[0].service_code() && !(*report)[0].message());

    const koodrive::Failures failures = report->failures();
    CHECK(!failures.empty() && std::distance(failures.begin(), failures.end()) == 2);
    auto failure = failures.begin();
    CHECK(failure->index() == 3 && (*failure++).index() == 3);
    CHECK(failure->index() == 4 && failure->user_id() == "forbidden" &&
          failure->device_id() == "phone of Li/2");
    CHECK(++failure == failures.end());
#ifdef __cpp_lib_ranges
    auto gone =
        *report | std::views::filter([](auto scope) { return scope.outcome() == Outcome::not_found; });
    CHECK(std::ranges::distance(gone) == 1 && (*gone.begin()).scope_id() == "345");
#endif
    CHECK(report->unfinished().scope_count() == 1);
    const koodrive::UnfinishedScopes unfinished = report->unfinished_scopes();
    CHECK(std::distance(unfinished.begin(), unfinished.end()) == 1 && unfinished.begin()->index() == 4);
}

static void a_list_of_devices(const koodrive::Client &client) {
    const koodrive::Devices devices = client.list_devices_for("Li");
    CHECK(devices.size() == 1 && !devices.empty() && devices[0].device_id() == device);
    CHECK(devices[0].name() == "Phone 1"sv && devices[0].os() == "Android 15"sv);
    CHECK(devices[0].machine_code() == "20250911"sv);
    CHECK(devices[0].created_at() == "2025-09-15T06:14:48.630Z"sv);
    (void)client.delete_scopes("3", {"345"}); // Of this device the sandbox says nothing.
    std::vector<std::string> ids;
    const koodrive::Devices own = client.list_devices();
    for (const koodrive::Device one : own) {
        ids.emplace_back(one.device_id());
        if (one.device_id() == "3") {
            CHECK(!one.name() && !one.os() && !one.machine_code() && !one.created_at());
        }
    }
    CHECK((ids == std::vector<std::string>{device, "3"}));
}

static void what_is_listed_can_be_deleted(const koodrive::Client &client) {
    const koodrive::Scopes albums = client.list_scopes_for("Li", device, koodrive::module_albums);
    CHECK(albums.size() == 15 && albums.begin()->scope_id() == "1842846715527000008");
    CHECK(albums[0].module_code() == koodrive::module_albums &&
          albums[0].local_path() == "/DCIM/Album 9"sv);
    CHECK(albums[0].target_folder_path() == "/backup"sv);
    CHECK(albums[0].created_at() == "2025-09-15T06:14:48.630Z"sv);
    CHECK(std::distance(albums.begin(), albums.end()) == 15);
    koodrive::Plan plan;
    plan.add_scopes(albums).add_scopes(albums);
    CHECK(plan.scope_count() == 30);
    const koodrive::Report report = client.delete_plan(plan);
    CHECK(report.tally(Outcome::deleted) == 15 && report.tally(Outcome::duplicate) == 15);
    CHECK(report[0].user_id() == "Li" && report[0].device_id() == device);

    const koodrive::Scopes left = client.list_scopes_for("Li", device);
    CHECK(left.size() == 135 && client.list_scopes(device).size() == 150);
    const koodrive::Scopes none = client.list_scopes_for("Li", device, "101");
    CHECK(none.empty() && none.begin() == none.end());
    CHECK(koodrive::Plan().add_scopes(none).scope_count() == 0);
#ifdef __cpp_lib_ranges
    auto books = left | std::views::filter([](auto scope) {
                     return scope.module_code() == koodrive::module_address_books;
                 }) |
                 std::views::transform(&koodrive::Scope::scope_id);
    CHECK(koodrive::Plan().add_for("Li", device, books).scope_count() == 15);
#endif
}

static void lists_that_fail(const koodrive::Client &client) {
    const koodrive::Error forbidden = error_of([&] { (void)client.list_devices_for("forbidden"); });
    CHECK(forbidden.status() == Status::service && forbidden.http_status() == 403);
    CHECK(forbidden.service_code() && forbidden.request_id() && !forbidden.report());
    const koodrive::Error unknown = error_of([&] { (void)client.list_scopes(device, "999"); });
    CHECK(unknown.status() == Status::service && unknown.service_code() == "13000102"sv);
    koodrive::Monitor monitor;
    (void)client.list_devices(&monitor);
    monitor.cancel();
    const koodrive::Error cancelled =
        error_of([&] { (void)client.list_scopes(device, std::nullopt, &monitor); });
    CHECK(cancelled.status() == Status::cancelled && !cancelled.report());
}

static void reports_outlive_the_rest() {
    const koodrive::Report report = [] {
        const koodrive::Client client(koodrive::Config::from_env());
        return client.delete_scopes("2", std::vector<std::string>{first, "345"});
    }();
    CHECK(report[0].outcome() == Outcome::deleted && report[1].outcome() == Outcome::not_found);
    CHECK(report.failures().empty() && report.unfinished().scope_count() == 0);
}

static void nothing_to_do(const koodrive::Client &client) {
    const koodrive::Report report = client.delete_scopes(device, std::vector<std::string>());
    CHECK(report.empty() && report.begin() == report.end() && report.failures().empty());
}

static void a_cancelled_run(const koodrive::Client &client) {
    koodrive::Monitor monitor;
    monitor.cancel();
    const koodrive::Error error = error_of([&] { (void)client.delete_scopes(device, {"1"}, &monitor); });
    CHECK(error.status() == Status::cancelled);
    CHECK((*error.report())[0].outcome() == Outcome::not_sent);
    CHECK((*error.report())[0].message());
}

static void the_events_of_a_run(const koodrive::Client &client) {
    koodrive::Plan plan;
    plan.add("5", {first, "345"}).add_for("forbidden", "5", {first});
    koodrive::Monitor monitor;
    monitor.keep_events(10);
    const koodrive::Error error = error_of([&] { (void)client.delete_plan(plan, &monitor); });
    CHECK(monitor.requests_sent() == 2 && monitor.retries() == 0 && monitor.throttles() == 0);
    std::size_t scopes = 0;
    std::size_t given_up = 0;
    while (const std::optional<koodrive::Event> event = monitor.next_event()) {
        if (event->kind() == EventKind::given_up) {
            CHECK(event->http_status() == 403 && event->user_id() == "forbidden" &&
                  event->attempt() == 1);
            given_up += event->scope_count();
            continue;
        }
        CHECK(event->kind() == EventKind::request && event->attempt() == 1);
        CHECK(event->duration() <= event->elapsed() && event->elapsed() < std::chrono::minutes(10));
        scopes += event->scope_count();
        const bool is_forbidden = event->scope_count() == 1;
        CHECK(event->http_status() == (is_forbidden ? 403 : 200) && event->request_id());
        CHECK((std::string_view(error.what()).find(event->message()) == 0) == is_forbidden);
        CHECK((event->request_id() == error.request_id()) == is_forbidden);
        CHECK((event->user_id() == "forbidden") == is_forbidden && event->device_id() == "5");
        CHECK(event->first_scope_id() == first && event->rate() == 0);
    }
    CHECK(scopes == 3 && given_up == 1 && monitor.events_dropped() == 0);
    monitor.keep_events(1);
    (void)error_of([&] { (void)client.delete_plan(plan, &monitor); });
    CHECK(monitor.events_dropped() == 2 && monitor.next_event() && !monitor.next_event());
    monitor.keep_events(0);
    (void)client.list_devices(&monitor);
    CHECK(!monitor.next_event() && monitor.requests_sent() == 1);
}

/* Another thread takes the events while the run goes on; they outlive client and monitor. */
static void events_are_taken_by_another_thread() {
    std::vector<koodrive::Event> events;
    {
        const koodrive::Client client(koodrive::Config::from_env());
        koodrive::Monitor monitor;
        monitor.keep_events(10);
        std::thread watcher([&] {
            while (events.empty()) {
                if (std::optional<koodrive::Event> event = monitor.next_event()) {
                    events.push_back(*std::move(event));
                } else {
                    std::this_thread::yield();
                }
            }
        });
        (void)client.list_devices(&monitor);
        watcher.join();
    }
    koodrive::Event taken = std::move(events[0]);
    CHECK(taken.kind() == EventKind::request && taken.http_status() == 200 && taken.scope_count() == 0);
    CHECK(!taken.message().empty() && taken.request_id() && events[0].message().empty());
    CHECK(taken.user_id() && !taken.device_id() && !taken.first_scope_id() && !events[0].user_id());
    CHECK(events[0].kind() == EventKind() && !events[0].request_id() && events[0].attempt() == 0);
    CHECK(events[0].elapsed().count() == 0 && events[0].duration().count() == 0);
}

static void bad_input(const koodrive::Client &client) {
    const char *const null_id[] = {"1", nullptr};
    koodrive::Plan plan;
    refused("scope_ids[1]", [&] { plan.add(device, {"1", "2\n3"}); });
    refused("scope_ids[1]", [&] { plan.add(device, {"1", ""}); });
    refused("scope_ids[1]", [&] { plan.add(device, {"1", "2\0003"sv}); });
    refused("scope_ids[1]", [&] { plan.add(device, null_id); });
    refused("scope_ids[0]", [&] { plan.add(device, {"1.8428467155270001e+18"}); });
    refused("UTF-8", [&] { plan.add(device, {"1\xff"}); });
    refused("device_id", [&] { plan.add("", {"1"}); });
    refused("device_id", [&] { plan.add("1\0002"sv, {"1"}); });
    refused("device_id", [&] { plan.add_lines("\xff", "1"); });
    refused("user_id", [&] { plan.add_for("", device, {"1"}); });
    refused("user_id", [&] { plan.add_lines_for("1\0002"sv, device, "1"); });
    CHECK(plan.scope_count() == 0);
    refused("user_id", [&] { (void)client.list_devices_for(""); });
    refused("user_id", [&] { (void)client.list_scopes_for("1\0002"sv, device); });
    refused("device_id", [&] { (void)client.list_scopes(".."); });
    refused("device_id", [&] { (void)client.list_scopes("1\0002"sv); });
    refused("module_code", [&] { (void)client.list_scopes(device, ""); });
    refused("module_code", [&] { (void)client.list_scopes(device, "101\0"sv); });
    refused("endpoint", [] { koodrive::Config().set_endpoint("http://koodrive.test"); });
    refused("endpoint", [] { koodrive::Client client{koodrive::Config()}; });
    refused("access_token", [&] { client.set_access_token("1\0002"sv); });
    refused("authorization", [&] { client.set_authorization(""); });
    refused("capacity", [] { koodrive::Monitor().keep_events((1 << 24) + 1); });
    refused("run_timeout_ms", [] { koodrive::Config().set_run_timeout(std::chrono::seconds(-1)); });
    refused("max_attempts", [] { koodrive::Config().set_max_attempts(101); });
    refused("max_requests_per_second", [] { koodrive::Config().set_max_requests_per_second(-1); });
}

static void what_was_moved_from() {
    koodrive::Config config = koodrive::Config::from_env();
    const koodrive::Config taken = std::move(config);
    koodrive::Client client(taken);
    koodrive::Plan plan;
    koodrive::Monitor monitor;
    const koodrive::Monitor taken_monitor = std::move(monitor);
    refused("config", [&] { koodrive::Client{config}; });
    refused("monitor", [&] { (void)client.delete_plan(plan, &monitor); });
    refused("monitor", [&] { (void)client.list_devices(&monitor); });
    koodrive::Scopes scopes = client.list_scopes("4", koodrive::module_albums);
    const koodrive::Scope album = scopes[0];
    const koodrive::Scopes taken_scopes = std::move(scopes);
    CHECK(album.scope_id() == "1842846715527000008" && taken_scopes.size() == 15);
    CHECK(scopes.empty() && scopes.begin() == scopes.end());
    refused("scopes", [&] { plan.add_scopes(scopes); });
    const koodrive::Plan taken_plan = std::move(plan);
    refused("plan", [&] { plan.add(device, {"1"}); });
    refused("plan", [&] { plan.add_scopes(taken_scopes); });
    refused("plan", [&] { (void)client.delete_plan(plan); });
    const koodrive::Client taken_client = std::move(client);
    refused("client", [&] { (void)client.delete_plan(taken_plan); });
    refused("client", [&] { (void)client.list_scopes(device); });
    refused("client", [&] { client.set_access_token("a-token"); });
    refused("config", [&] { config.set_endpoint("http://127.0.0.1:1"); });
    refused("config", [&] { config.set_max_attempts(1); });
    CHECK(plan.scope_count() == 0 && plan.request_count() == 0);
    monitor.cancel();
    CHECK(monitor.scopes_done() == 0 && monitor.scopes_total() == 0);
    refused("monitor", [&] { monitor.keep_events(1); });
    CHECK(!monitor.next_event() && monitor.events_dropped() == 0 && monitor.requests_sent() == 0);
    CHECK(monitor.retries() == 0 && monitor.throttles() == 0);
    CHECK(taken_client.delete_plan(taken_plan, &taken_monitor).empty());

    koodrive::Report report = taken_client.delete_scopes(device, {"345", "7"});
    const koodrive::ScopeOutcome scope = report[1];
    const koodrive::Report taken_report = std::move(report);
    CHECK(scope.scope_id() == "7" && taken_report.size() == 2);
    CHECK(report.empty() && report.begin() == report.end() && report.failures().empty());
    CHECK(report.unfinished_scopes().empty() && report.tally(Outcome::rejected) == 0);
    CHECK(report.request_count() == 0 && taken_client.delete_plan(report.unfinished()).empty());

    koodrive::Plan *const alias = &plan;
    plan = koodrive::Plan();
    plan.add(device, {"1"});
    plan = std::move(*alias);
    CHECK(plan.scope_count() == 1);
}

/* Errors are objects: those of threads do not mix. */
static void many_threads(const koodrive::Client &client) {
    std::vector<std::thread> threads;
    for (int number = 0; number < 8; number++) {
        threads.emplace_back([&client, number] {
            const std::string bad = "bad id " + std::to_string(number);
            for (int turn = 0; turn < 10; turn++) {
                refused(bad.c_str(), [&] { (void)client.delete_scopes(device, {bad}); });
                const koodrive::Report report = client.delete_scopes(bad, {first});
                CHECK(report[0].outcome() == (turn == 0 ? Outcome::deleted : Outcome::not_found));
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
}

int main() {
    types();
    ids_of_every_kind();
    no_allocation_per_id();
    const koodrive::Client client(koodrive::Config::from_env());
    a_list_of_devices(client);
    what_is_listed_can_be_deleted(client);
    lists_that_fail(client);
    a_run(client);
    a_plan_that_was_tried(client);
    tables(client);
    a_journaled_run(client);
    reports_outlive_the_rest();
    nothing_to_do(client);
    a_cancelled_run(client);
    the_events_of_a_run(client);
    events_are_taken_by_another_thread();
    bad_input(client);
    what_was_moved_from();
    many_threads(client);
    client.set_access_token("another-token");
    client.set_authorization("Bearer a-third-token");
    nothing_to_do(client);
    return 0;
}
