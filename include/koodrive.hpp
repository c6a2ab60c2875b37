/**
 * @file koodrive.hpp
 * koodrive for C++17 and later: lists KooDrive backup scopes and deletes them in bulk, with one truthful outcome
 * per id
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A layer over koodrive.h, header only: link with the C library.
 *
 * @code
 * koodrive::Client client(koodrive::Config::from_env());
 * try {
 *     koodrive::Report report = client.delete_scopes(device_id, scope_ids);
 *     for (koodrive::ScopeOutcome scope : report.failures()) {
 *         std::cerr << scope.scope_id() << ": " << name(scope.outcome()) << '\n';
 *     }
 * } catch (const koodrive::Error &error) {
 *     std::cerr << error.what() << '\n'; // error.report() has the outcomes of an incomplete run
 * }
 * @endcode
 *
 * - All objects can be moved and not copied (an Error can be copied). An object that was moved from is
 *   refused, as an argument and by what would change it, and empty to what reads it.
 * - A Client, a Monitor, an Event, Devices and Scopes may be used by any number of threads at once, other
 *   objects by one at a time. None may be destroyed while a call uses it.
 * - Texts go in as std::string_view: UTF-8, without NUL, copied before the call returns. Texts come out
 *   as std::string_view, valid as long as the object that they came from.
 * - What fails throws an Error. A call that fails changes nothing, but that a delete call may have
 *   deleted. Nothing else is thrown but std::bad_alloc.
 */
#ifndef KOODRIVE_HPP
#define KOODRIVE_HPP

#include <koodrive.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#if __cplusplus >= 202002L
#include <ranges>
#endif

namespace koodrive {

/** Why a call failed. A later library may report values that are not listed here. */
enum class Status : std::int32_t {
    invalid_argument =
        KOODRIVE_ERROR_INVALID_ARGUMENT,        /**< An argument breaks a rule; nothing was sent. */
    unauthorized = KOODRIVE_ERROR_UNAUTHORIZED, /**< The authorization is not accepted (HTTP 401). */
    unreachable = KOODRIVE_ERROR_UNREACHABLE,   /**< No connection to the service, or it was lost. */
    timed_out = KOODRIVE_ERROR_TIMED_OUT, /**< The run timeout, or a request's last attempt, ran out. */
    cancelled = KOODRIVE_ERROR_CANCELLED, /**< Monitor::cancel() was called before all was done. */
    service = KOODRIVE_ERROR_SERVICE,     /**< The service refused a request as a whole. */
    invalid_response =
        KOODRIVE_ERROR_INVALID_RESPONSE, /**< What came back can't be understood or trusted. */
    internal = KOODRIVE_ERROR_INTERNAL,  /**< A bug in the library. Reported outcomes are true. */
    journal = KOODRIVE_ERROR_JOURNAL,    /**< The journal can't be written: nothing more was sent. */
};

/** What is known of one id. */
enum class Outcome : std::int32_t {
    not_sent = KOODRIVE_OUTCOME_NOT_SENT,   /**< No request with it arrived. May still exist. */
    deleted = KOODRIVE_OUTCOME_DELETED,     /**< This run deleted it. */
    not_found = KOODRIVE_OUTCOME_NOT_FOUND, /**< It did not exist. */
    duplicate = KOODRIVE_OUTCOME_DUPLICATE, /**< It stands earlier in the plan and was not sent again. */
    rejected = KOODRIVE_OUTCOME_REJECTED,   /**< The service refused it. May still exist. */
    gone = KOODRIVE_OUTCOME_GONE,           /**< It does not exist now; who deleted it is not known. */
    unknown = KOODRIVE_OUTCOME_UNKNOWN,     /**< Sent without a trustworthy response. May still exist. */
};

/** What kind of thing happened in a run. A later library may report values that are not listed here. */
enum class EventKind : std::int32_t {
    request = KOODRIVE_EVENT_REQUEST,     /**< A request was answered, or failed after it was sent. */
    retry = KOODRIVE_EVENT_RETRY,         /**< A request will be sent again: why, and when. */
    throttled = KOODRIVE_EVENT_THROTTLED, /**< The service refused for its rate, which was cut. */
    outage_began = KOODRIVE_EVENT_OUTAGE_BEGAN,       /**< The service is down, since when and why. */
    outage_ended = KOODRIVE_EVENT_OUTAGE_ENDED,       /**< The service is back, and after how long. */
    clock_corrected = KOODRIVE_EVENT_CLOCK_CORRECTED, /**< Our clock is wrong, and by how much. */
    stopping = KOODRIVE_EVENT_STOPPING,               /**< Why nothing new is sent. */
    given_up = KOODRIVE_EVENT_GIVEN_UP, /**< A request that failed is not sent again: why. */
};

/** A status's name, such as "UNAUTHORIZED"; "UNDEFINED" for a value that is none. */
inline std::string_view name(Status status) noexcept {
    return koodrive_status_name(static_cast<std::int32_t>(status));
}

/** An outcome's name, such as "NOT_FOUND"; "UNDEFINED" for a value that is none. */
inline std::string_view name(Outcome outcome) noexcept {
    return koodrive_outcome_name(static_cast<std::int32_t>(outcome));
}

/** What an outcome says of an id that another run may have sent too: koodrive_outcome_if_tried(). */
inline Outcome if_tried(Outcome outcome) noexcept {
    return static_cast<Outcome>(koodrive_outcome_if_tried(static_cast<std::int32_t>(outcome)));
}

/** An event kind's name, such as "OUTAGE_BEGAN"; "UNDEFINED" for a value that is none. */
inline std::string_view name(EventKind kind) noexcept {
    return koodrive_event_kind_name(static_cast<std::int32_t>(kind));
}

/** The version of the library, such as "0.1.0". */
inline std::string_view version() noexcept {
    return koodrive_version();
}

class Report;

/** Why a call failed. Copies share what they say. */
class Error : public std::exception {
  public:
    /** What went wrong, in words: what breaks which rule, or what service or network said. */
    const char *what() const noexcept override { return details_->message.c_str(); }

    Status status() const noexcept { return details_->status; }

    /** The HTTP status of the response behind the error, such as 403; 0 if there is none. */
    int http_status() const noexcept { return details_->http_status; }

    /** The service's code in that response, such as "13000102". */
    std::optional<std::string_view> service_code() const noexcept { return details_->service_code; }

    /** The X-Request-Id of that response, for the service's support. */
    std::optional<std::string_view> request_id() const noexcept { return details_->request_id; }

    /** Whether running Report::unfinished() later, or listing again, with nothing changed may succeed. */
    bool is_retryable() const noexcept { return details_->is_retryable; }

    /** What became of each id; null if the call was refused before its run began and nothing was sent. */
    std::shared_ptr<const Report> report() const noexcept { return details_->report; }

    /** For this header's use. */
    struct Details {
        Status status{};
        std::string message;
        int http_status = 0;
        std::optional<std::string> service_code, request_id;
        bool is_retryable = false;
        std::shared_ptr<const Report> report;
    };

    /** For this header's use. */
    explicit Error(Details details) : details_(std::make_shared<const Details>(std::move(details))) {}

  private:
    std::shared_ptr<const Details> details_;
};

namespace detail {

template <auto free> struct Free {
    template <class T> void operator()(T *object) const noexcept { free(object); }
};

template <class T, auto free> using Handle = std::unique_ptr<T, Free<free>>;

using ErrorHandle = Handle<koodrive_error, koodrive_error_free>;
using ConfigHandle = Handle<koodrive_config, koodrive_config_free>;
using DevicesHandle = Handle<koodrive_devices, koodrive_devices_free>;
using ScopesHandle = Handle<koodrive_scopes, koodrive_scopes_free>;
using PlanHandle = Handle<koodrive_plan, koodrive_plan_free>;
using EventHandle = Handle<koodrive_event, koodrive_event_free>;
using MonitorHandle = Handle<koodrive_monitor, koodrive_monitor_free>;
using ResultHandle = Handle<koodrive_result, koodrive_result_free>;
using ClientHandle = Handle<koodrive_client, koodrive_client_free>;

/** A text that may be NULL. */
template <class Text = std::string_view> std::optional<Text> optional(const char *text) {
    return text == nullptr ? std::nullopt : std::optional<Text>(text);
}

[[noreturn]] inline void raise(Status status, std::string message) {
    Error::Details details;
    details.status = status;
    details.message = std::move(message);
    throw Error(std::move(details));
}

[[noreturn]] inline void raise(koodrive_status status, ErrorHandle error,
                               std::shared_ptr<const Report> report) {
    Error::Details details;
    details.status = static_cast<Status>(status);
    details.message = optional(koodrive_error_message(error.get())).value_or("");
    details.http_status = koodrive_error_http_status(error.get());
    details.service_code = optional<std::string>(koodrive_error_service_code(error.get()));
    details.request_id = optional<std::string>(koodrive_error_request_id(error.get()));
    details.is_retryable = koodrive_error_is_retryable(error.get());
    details.report = std::move(report);
    throw Error(std::move(details));
}

/** Calls a C function that takes a koodrive_error ** last. */
template <class Function, class... Arguments> void call(Function *function, Arguments... arguments) {
    koodrive_error *error = nullptr;
    const koodrive_status status = function(arguments..., &error);
    ErrorHandle owned(error);
    if (status != KOODRIVE_OK) {
        raise(status, std::move(owned), nullptr);
    }
}

/** A text that ends with a NUL, and holds no other. */
inline std::string text(const char *argument, std::string_view text) {
    if (text.find('\0') != text.npos) {
        raise(Status::invalid_argument, std::string(argument) + ": must not hold a NUL byte");
    }
    return std::string(text);
}

/** A negative time becomes one that is too long for every rule. */
inline std::uint64_t milliseconds(std::chrono::milliseconds time) noexcept {
    return static_cast<std::uint64_t>(time.count());
}

/** A number that fits; a negative one would become another. */
inline std::uint32_t limit(const char *argument, std::int64_t value) {
    constexpr auto most = std::numeric_limits<std::uint32_t>::max();
    if (value < 0 || value > most) {
        raise(Status::invalid_argument,
              std::string(argument) + ": must be 0 to " + std::to_string(most));
    }
    return static_cast<std::uint32_t>(value);
}

/** Ids that cross to C in one call. Each ends with a newline: so the library counts as many lines as
 *  there are ids, also if some are empty. */
struct Lines {
    std::string text;
    std::size_t count = 0;

    template <class Id> void add(const Id &element) {
        static_assert(std::is_convertible_v<const Id &, std::string_view>,
                      "scope ids are a range of strings: of what converts to std::string_view");
        if constexpr (std::is_pointer_v<Id>) {
            if (element == nullptr) {
                refuse("is NULL");
            }
        }
        const std::string_view id = element;
        if (id.find('\n') != id.npos) {
            refuse("holds something else than visible ASCII characters");
        }
        text.append(id).push_back('\n');
        count++;
    }

    [[noreturn]] void refuse(const char *rule) const {
        raise(Status::invalid_argument, "scope_ids[" + std::to_string(count) + "] " + rule);
    }
};

template <class Ids> Lines join(Ids &&scope_ids) {
    Lines lines;
    for (auto &&id : scope_ids) {
        lines.add(id);
    }
    return lines;
}

/** How to go through rows; koodrive_result_next_failure() says what it does. */
template <class T> using Step = bool (*)(const T *, std::size_t *, std::size_t *);

template <class T, auto count>
bool next(const T *rows, std::size_t *cursor, std::size_t *index) noexcept {
    *index = *cursor;
    return *index < count(rows) && ++*cursor;
}

} // namespace detail

/** Goes through rows. A forward iterator, which makes each Row when it is looked at. */
template <class T, class Row, detail::Step<T> step> class RowIterator {
  public:
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category = std::input_iterator_tag; // C++17 wants references of more than that.
    using value_type = Row;
    using difference_type = std::ptrdiff_t;
    using reference = Row;

    /** What operator-> needs, as there is no Row in memory to point at. */
    struct pointer {
        Row row;
        const Row *operator->() const noexcept { return &row; }
    };

    /** Behind the last row. */
    RowIterator() noexcept = default;

    /** For this header's use: the first row. */
    explicit RowIterator(const T *rows) noexcept : rows_(rows) { ++*this; }

    Row operator*() const noexcept { return {rows_, index_}; }
    pointer operator->() const noexcept { return {**this}; }

    RowIterator &operator++() noexcept {
        if (!step(rows_, &cursor_, &index_)) {
            index_ = behind_the_last;
        }
        return *this;
    }

    RowIterator operator++(int) noexcept {
        RowIterator before = *this;
        ++*this;
        return before;
    }

    friend bool operator==(const RowIterator &one, const RowIterator &other) noexcept {
        return one.index_ == other.index_;
    }
    friend bool operator!=(const RowIterator &one, const RowIterator &other) noexcept {
        return !(one == other);
    }

  private:
    static constexpr std::size_t behind_the_last = std::numeric_limits<std::size_t>::max();

    const T *rows_ = nullptr;
    std::size_t cursor_ = 0, index_ = behind_the_last;
};

/** Rows in memory of the library, which it owns: a range of Row, each a view that is valid as long as this. */
template <class Row, class Handle, auto count> class Rows {
    using T = typename Handle::element_type;

  public:
    using iterator = RowIterator<T, Row, detail::next<T, count>>;
    using const_iterator = iterator;
    using value_type = Row;

    iterator begin() const noexcept { return iterator(handle_.get()); }
    iterator end() const noexcept { return {}; }

    /** How many rows there are. */
    std::size_t size() const noexcept { return count(handle_.get()); }
    bool empty() const noexcept { return size() == 0; }

    /** The row at an index, which must be below size(). */
    Row operator[](std::size_t index) const noexcept { return {handle_.get(), index}; }

    /** For this header's use. */
    explicit Rows(Handle handle) noexcept : handle_(std::move(handle)) {}

  protected:
    Handle handle_;
};

/**
 * What a client is built from. Each setter checks its value, copies it and returns the config; it throws
 * Status::invalid_argument if the value breaks its rule, and the config is as it was. An endpoint and one
 * of the three authorizations must be set; of the authorizations the last one set counts.
 */
class Config {
  public:
    /** A config with the default limits and nothing else. */
    Config() : handle_(koodrive_config_new()) {}

    /**
     * What the environment says: KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, KOODRIVE_ACCESS_TOKEN,
     * KOODRIVE_AUTHORIZATION, KOODRIVE_APP_ID with KOODRIVE_APP_SECRET, KOODRIVE_CA_FILE, KOODRIVE_PROXY,
     * KOODRIVE_CONNECT_TIMEOUT_MS, KOODRIVE_REQUEST_TIMEOUT_MS, KOODRIVE_RUN_TIMEOUT_MS,
     * KOODRIVE_MAX_OUTAGE_MS, KOODRIVE_MAX_ATTEMPTS, KOODRIVE_MAX_CONNECTIONS,
     * KOODRIVE_MAX_REQUESTS_PER_SECOND. No other thread may change the environment meanwhile.
     */
    static Config from_env() {
        Config config;
        detail::call(koodrive_config_load_env, config.handle_.get());
        return config;
    }

    /** The service's address, https://host[:port]; plain http for loopback addresses only. */
    Config &set_endpoint(std::string_view url) {
        return set(koodrive_config_set_endpoint, detail::text("endpoint", url).c_str());
    }

    /** The user whose devices are meant where none is named. */
    Config &set_user_id(std::string_view user_id) {
        return set(koodrive_config_set_user_id, detail::text("user_id", user_id).c_str());
    }

    /** Authorize by access token, "Authorization: Bearer <token>". */
    Config &set_access_token(std::string_view token) {
        return set(koodrive_config_set_access_token, detail::text("access_token", token).c_str());
    }

    /** Authorize by this value of the Authorization header, sent as it is. */
    Config &set_authorization(std::string_view value) {
        return set(koodrive_config_set_authorization, detail::text("authorization", value).c_str());
    }

    /** Authorize as an application, which signs every request. */
    Config &set_app_credentials(std::string_view app_id, std::string_view app_secret) {
        return set(koodrive_config_set_app_credentials, detail::text("app_id", app_id).c_str(),
                   detail::text("app_secret", app_secret).c_str());
    }

    /** Trust the certificates in this PEM file instead of the platform's. */
    Config &set_ca_file(std::string_view path) {
        return set(koodrive_config_set_ca_file, detail::text("ca_file", path).c_str());
    }

    /** Use this HTTP proxy, http://[user:password@]host[:port]. */
    Config &set_proxy(std::string_view url) {
        return set(koodrive_config_set_proxy, detail::text("proxy", url).c_str());
    }

    /** How long name look-up, TCP, proxy and TLS may take together. Default 10 s. */
    Config &set_connect_timeout(std::chrono::milliseconds time) {
        return set(koodrive_config_set_connect_timeout_ms, detail::milliseconds(time));
    }

    /** How long one request may take from its first byte sent to its whole response. Default 30 s. */
    Config &set_request_timeout(std::chrono::milliseconds time) {
        return set(koodrive_config_set_request_timeout_ms, detail::milliseconds(time));
    }

    /** After how long a run starts nothing new; 0, the default: never. */
    Config &set_run_timeout(std::chrono::milliseconds time) {
        return set(koodrive_config_set_run_timeout_ms, detail::milliseconds(time));
    }

    /** How long a run waits for a service that worked and is down; 0: not at all. Default 60 s. */
    Config &set_max_outage(std::chrono::milliseconds time) {
        return set(koodrive_config_set_max_outage_ms, detail::milliseconds(time));
    }

    /** How often a request is tried in all: 1 to 100. Default 4. */
    Config &set_max_attempts(std::int64_t attempts) {
        return set(koodrive_config_set_max_attempts, detail::limit("max_attempts", attempts));
    }

    /** How many connections each run uses at most: 1 to 1024. Default 4. */
    Config &set_max_connections(std::int64_t connections) {
        return set(koodrive_config_set_max_connections, detail::limit("max_connections", connections));
    }

    /** How many requests a second all runs of a client send together; 0, the default: no limit. */
    Config &set_max_requests_per_second(std::int64_t requests) {
        return set(koodrive_config_set_max_requests_per_second,
                   detail::limit("max_requests_per_second", requests));
    }

  private:
    friend class Client;

    template <class Function, class... Values> Config &set(Function *function, Values... values) {
        detail::call(function, handle_.get(), values...);
        return *this;
    }

    detail::ConfigHandle handle_;
};

/** A device of a user: a view into Devices, valid as long as that is. */
class Device {
  public:
    /** Its id, which Plan::add() and Client::list_scopes() take. */
    std::string_view device_id() const noexcept { return koodrive_devices_device_id(devices_, index_); }

    /** What its user called it, such as "Magic v3"; none if the service says none. */
    std::optional<std::string_view> name() const noexcept {
        return detail::optional(koodrive_devices_name(devices_, index_));
    }

    /** Its operating system, if the service says it. */
    std::optional<std::string_view> os() const noexcept {
        return detail::optional(koodrive_devices_os(devices_, index_));
    }

    /** The machine code under which it was bound, if the service says it. */
    std::optional<std::string_view> machine_code() const noexcept {
        return detail::optional(koodrive_devices_machine_code(devices_, index_));
    }

    /** When it was bound, as the service writes it, such as "2025-09-15T06:14:48.630Z". */
    std::optional<std::string_view> created_at() const noexcept {
        return detail::optional(koodrive_devices_created_at(devices_, index_));
    }

    /** For this header's use. */
    Device(const koodrive_devices *devices, std::size_t index) noexcept
        : devices_(devices), index_(index) {}

  private:
    const koodrive_devices *devices_;
    std::size_t index_;
};

/**
 * A user's devices, in the service's order: a range of Device. It needs no client any more, and any number of
 * threads may use it at once.
 */
class Devices : public Rows<Device, detail::DevicesHandle, koodrive_devices_count> {
  public:
    using Rows::Rows;
};

/** The modules that the API reference names, for Client::list_scopes(). The service may have others. */
inline constexpr std::string_view module_folders = "100";
inline constexpr std::string_view module_albums = "101";
inline constexpr std::string_view module_address_books = "102";

/** A scope of a device: a view into Scopes, valid as long as that is. */
class Scope {
  public:
    /** Its id, one that Plan::add() accepts. */
    std::string_view scope_id() const noexcept { return koodrive_scopes_scope_id(scopes_, index_); }

    /** Its module, such as module_albums, if the service says it. */
    std::optional<std::string_view> module_code() const noexcept {
        return detail::optional(koodrive_scopes_module_code(scopes_, index_));
    }

    /** The path on the device that it backs up, if the service says it. It may hold any character but NUL. */
    std::optional<std::string_view> local_path() const noexcept {
        return detail::optional(koodrive_scopes_local_path(scopes_, index_));
    }

    /** The folder of the drive that it is backed up to, if the service says it. */
    std::optional<std::string_view> target_folder_path() const noexcept {
        return detail::optional(koodrive_scopes_target_folder_path(scopes_, index_));
    }

    /** When it was added, as the service writes it. */
    std::optional<std::string_view> created_at() const noexcept {
        return detail::optional(koodrive_scopes_created_at(scopes_, index_));
    }

    /** For this header's use. */
    Scope(const koodrive_scopes *scopes, std::size_t index) noexcept : scopes_(scopes), index_(index) {}

  private:
    const koodrive_scopes *scopes_;
    std::size_t index_;
};

/**
 * Scopes of a device, in the service's order: a range of Scope. It needs no client any more, and any number of
 * threads may use it at once.
 */
class Scopes : public Rows<Scope, detail::ScopesHandle, koodrive_scopes_count> {
  public:
    using Rows::Rows;

  private:
    friend class Plan;
};

/**
 * What to delete: scope ids of devices of users, in the order in which they are added, which is also that
 * of the report. A plan may be run more than once, and added to after a run.
 *
 * Scope ids are any range of what converts to std::string_view, such as std::vector<std::string>: 1 to 128
 * visible ASCII characters, and not plainly damaged numbers. What breaks a rule throws
 * Status::invalid_argument, whose message names it, and the plan is as it was.
 */
class Plan {
  public:
    Plan() : handle_(koodrive_plan_new()) {}

    /** Adds scope ids of a device of the user of the config of the client that will run the plan. */
    template <class Ids> Plan &add(std::string_view device_id, Ids &&scope_ids) {
        return add(nullptr, device_id, detail::join(scope_ids));
    }

    /** The same, as in plan.add("7", {"1", "2"}). */
    Plan &add(std::string_view device_id, std::initializer_list<std::string_view> scope_ids) {
        return add(nullptr, device_id, detail::join(scope_ids));
    }

    /** Adds scope ids of a device of this user. */
    template <class Ids>
    Plan &add_for(std::string_view user_id, std::string_view device_id, Ids &&scope_ids) {
        return add(detail::text("user_id", user_id).c_str(), device_id, detail::join(scope_ids));
    }

    /** The same, as in plan.add_for("Li", "7", {"1", "2"}). */
    Plan &add_for(std::string_view user_id, std::string_view device_id,
                  std::initializer_list<std::string_view> scope_ids) {
        return add(detail::text("user_id", user_id).c_str(), device_id, detail::join(scope_ids));
    }

    /** Adds scope ids that stand one a line in a text, such as a whole file. */
    Plan &add_lines(std::string_view device_id, std::string_view text) {
        return add(nullptr, device_id, text, 0);
    }

    /** Adds scope ids of a device of this user that stand one a line in a text. */
    Plan &add_lines_for(std::string_view user_id, std::string_view device_id, std::string_view text) {
        return add(detail::text("user_id", user_id).c_str(), device_id, text, 0);
    }

    /**
     * Adds all scopes of a list: its user, its device, its ids. To choose among them, add() or add_for() what
     * Scope::scope_id() says.
     */
    Plan &add_scopes(const Scopes &scopes) {
        detail::call(koodrive_plan_add_scopes, handle_.get(), scopes.handle_.get());
        return *this;
    }

    /**
     * Adds the rows of a table: the columns "device_id" and "scope_id", and "user_id" and "tried" if it has
     * them; koodrive_plan_add_arrow() says which kinds of columns are understood. What breaks a rule is named
     * by its column and its row. The stream is released in any case.
     */
    Plan &add_arrow(ArrowArrayStream *stream) {
        detail::call(koodrive_plan_add_arrow, handle_.get(), stream);
        return *this;
    }

    /**
     * Says that a run whose report is lost may have deleted any of the ids that the plan holds now: each of
     * them ends as deleted, gone or unknown, and none as not_found.
     */
    Plan &mark_tried() {
        detail::call(koodrive_plan_mark_tried, handle_.get());
        return *this;
    }

    /** How many ids were added, repeats included. */
    std::size_t scope_count() const noexcept { return koodrive_plan_scope_count(handle_.get()); }

    /** How many requests a run takes if no id is repeated and no request tried twice: a dry run's
     *  response. */
    std::size_t request_count() const noexcept { return koodrive_plan_request_count(handle_.get()); }

  private:
    friend class Client;
    friend class Report;

    explicit Plan(koodrive_plan *plan) noexcept : handle_(plan) {}

    Plan &add(const char *user_id, std::string_view device_id, const detail::Lines &lines) {
        return add(user_id, device_id, lines.text, lines.count);
    }

    Plan &add(const char *user_id, std::string_view device_id, std::string_view text,
              std::size_t count) {
        detail::call(koodrive_plan_add_lines, handle_.get(), user_id,
                     detail::text("device_id", device_id).c_str(), text.data(), text.size(), count);
        return *this;
    }

    detail::PlanHandle handle_;
};

/** One thing that happened in a run: Monitor::next_event() hands it out. It never changes, and outlives all else. */
class Event {
  public:
    EventKind kind() const noexcept {
        return static_cast<EventKind>(koodrive_event_kind(handle_.get()));
    }

    /**
     * What happened, in one line, with what the service or the network said. It never holds a secret. What is
     * longer than 512 bytes is cut and ends with "...": Error and Report say all.
     */
    std::string_view message() const noexcept {
        return detail::optional(koodrive_event_message(handle_.get())).value_or("");
    }

    /** The user of the request that a request, retry or given_up is about. */
    std::optional<std::string_view> user_id() const noexcept {
        return detail::optional(koodrive_event_user_id(handle_.get()));
    }

    /** The device of that request; none of a list of devices. */
    std::optional<std::string_view> device_id() const noexcept {
        return detail::optional(koodrive_event_device_id(handle_.get()));
    }

    /**
     * The first id that the request holds: with user and device it tells the request from all others of the run.
     * What is sent again holds only the ids that are left. None of a call that lists.
     */
    std::optional<std::string_view> first_scope_id() const noexcept {
        return detail::optional(koodrive_event_first_scope_id(handle_.get()));
    }

    /** The X-Request-Id of the response behind it, for the service's support. */
    std::optional<std::string_view> request_id() const noexcept {
        return detail::optional(koodrive_event_request_id(handle_.get()));
    }

    /** The HTTP status of that response; 0 if there is none. */
    int http_status() const noexcept { return koodrive_event_http_status(handle_.get()); }

    /** When it happened, since the run began. */
    std::chrono::milliseconds elapsed() const noexcept {
        return std::chrono::milliseconds(koodrive_event_elapsed_ms(handle_.get()));
    }

    /**
     * Of EventKind::request how long it took, from its first byte sent to its whole response. Of outage_began and
     * outage_ended how long the service had been down by then, since the first failure. 0 for others.
     */
    std::chrono::milliseconds duration() const noexcept {
        return std::chrono::milliseconds(koodrive_event_duration_ms(handle_.get()));
    }

    /** How many ids the request holds that one of these is about; 0 of a call that lists, and of others. */
    std::size_t scope_count() const noexcept { return koodrive_event_scope_count(handle_.get()); }

    /**
     * Which try it is, from 1: of a request the one that it is about, of a retry the next one, of given_up the
     * last one, 0 if it was never sent. A request that was halved begins anew. A connection that can't be had is
     * no try: after it comes a retry, without a request, of the try that is still to come. 0 for others.
     */
    std::uint32_t attempt() const noexcept { return koodrive_event_attempt(handle_.get()); }

    /** Of EventKind::throttled how many requests a second are sent from now on, at the most; else 0. */
    double rate() const noexcept { return koodrive_event_rate(handle_.get()); }

  private:
    friend class Monitor;

    explicit Event(koodrive_event *event) noexcept : handle_(event) {}

    detail::EventHandle handle_;
};

/**
 * Watches a run and cancels it, from any thread while the run goes on. It serves one run at a time, one
 * after the other: a run resets its counts. A cancelled monitor stays cancelled. It cancels calls that list, too;
 * they count as runs of no ids. On request it keeps what happens in a run.
 */
class Monitor {
  public:
    Monitor() : handle_(koodrive_monitor_new()) {}

    /**
     * Asks the run to stop: nothing new is sent, and the delete call throws Status::cancelled when the
     * responses under way are in. A second call abandons those too; a call that lists does so at the first. May
     * be called by a signal handler.
     */
    void cancel() const noexcept { koodrive_monitor_cancel(handle_.get()); }

    /** How many ids of the run have their outcome by now. */
    std::size_t scopes_done() const noexcept { return koodrive_monitor_scopes_done(handle_.get()); }

    /** How many ids the run has; 0 before its first run. */
    std::size_t scopes_total() const noexcept { return koodrive_monitor_scopes_total(handle_.get()); }

    /** How many requests the run has sent by now, tries that failed included. */
    std::uint64_t requests_sent() const noexcept {
        return koodrive_monitor_requests_sent(handle_.get());
    }

    /** How often a request of the run had to be sent again by now, whatever for. */
    std::uint64_t retries() const noexcept { return koodrive_monitor_retries(handle_.get()); }

    /** How often the service refused a request of the run for its rate by now (HTTP 429 or 503). */
    std::uint64_t throttles() const noexcept { return koodrive_monitor_throttles(handle_.get()); }

    /**
     * Keeps up to so many events of the runs that begin from now on, for next_event(); 0, which a new monitor
     * has: none. The oldest go first, and events_dropped() says how many went. Events that are kept by now go.
     * An event takes some 400 bytes, and 2 KiB at the most, as long texts are cut.
     *
     * @throws Error  Status::invalid_argument if capacity is more than 16777216 (2^24), or while a run goes on.
     */
    void keep_events(std::size_t capacity) {
        detail::call(koodrive_monitor_keep_events, handle_.get(), capacity);
    }

    /**
     * Takes the oldest event that is kept, also while the run goes on; none if there is none now. It waits for
     * nothing.
     */
    [[nodiscard]] std::optional<Event> next_event() const noexcept {
        koodrive_event *event = koodrive_monitor_next_event(handle_.get());
        return event == nullptr ? std::nullopt : std::optional<Event>(Event(event));
    }

    /** How many events went since keep_events() because there was no room. */
    std::size_t events_dropped() const noexcept {
        return koodrive_monitor_events_dropped(handle_.get());
    }

  private:
    friend class Client;

    detail::MonitorHandle handle_;
};

/** What became of one id: a view into a Report, valid as long as that is. */
class ScopeOutcome {
  public:
    /** The id's place in the plan and the report. */
    std::size_t index() const noexcept { return index_; }

    std::string_view scope_id() const noexcept { return koodrive_result_scope_id(result_, index_); }

    std::string_view device_id() const noexcept { return koodrive_result_device_id(result_, index_); }

    /** Its user: of an id that was added without one, the config's. */
    std::string_view user_id() const noexcept { return koodrive_result_user_id(result_, index_); }

    Outcome outcome() const noexcept {
        return static_cast<Outcome>(koodrive_result_outcomes(result_)[index_]);
    }

    /** The service's code for it, such as "15000418". */
    std::optional<std::string_view> service_code() const noexcept {
        return detail::optional(koodrive_result_service_code(result_, index_));
    }

    /** Why it has its outcome, in words. */
    std::optional<std::string_view> message() const noexcept {
        return detail::optional(koodrive_result_message(result_, index_));
    }

    /** For this header's use. */
    ScopeOutcome(const koodrive_result *result, std::size_t index) noexcept
        : result_(result), index_(index) {}

  private:
    const koodrive_result *result_;
    std::size_t index_;
};

/** Some scopes of a report: a view, valid as long as the report. */
template <detail::Step<koodrive_result> step>
class SomeScopes
#ifdef __cpp_lib_ranges
    : public std::ranges::view_base
#endif
{
  public:
    using iterator = RowIterator<koodrive_result, ScopeOutcome, step>;

    iterator begin() const noexcept { return iterator(result_); }
    iterator end() const noexcept { return {}; }
    bool empty() const noexcept { return begin() == end(); }

    /** For this header's use. */
    explicit SomeScopes(const koodrive_result *result) noexcept : result_(result) {}

  private:
    const koodrive_result *result_;
};

/** The scopes that may still exist. */
using Failures = SomeScopes<koodrive_result_next_failure>;

/** The scopes that a next run should take up. */
using UnfinishedScopes = SomeScopes<koodrive_result_next_unfinished>;

/**
 * What became of each id of a run, repeats included, in the order in which the ids were added to the plan: a
 * range of ScopeOutcome. It needs neither plan nor client nor monitor any more.
 */
class Report : public Rows<ScopeOutcome, detail::ResultHandle, koodrive_result_count> {
  public:
    using Rows::Rows;

    /** The scopes that may still exist: Outcome::not_sent, rejected and unknown. */
    Failures failures() const & noexcept { return Failures(handle_.get()); }
    Failures failures() const && = delete; // Of a report that ends with the statement.

    /** How many ids have the given outcome. */
    std::size_t tally(Outcome outcome) const noexcept {
        return koodrive_result_tally(handle_.get(), static_cast<std::int32_t>(outcome));
    }

    /** How many requests the run sent, tries that failed included. */
    std::size_t request_count() const noexcept { return koodrive_result_request_count(handle_.get()); }

    /**
     * A new plan of what a next run should take up: ids that are Outcome::not_sent, and those that are
     * unknown or rejected for a reason that may be otherwise the next time;
     * koodrive_result_unfinished() says which. It remembers which of them are unknown, as by
     * Plan::mark_tried(), and may be empty.
     */
    Plan unfinished() const {
        return handle_ ? Plan(koodrive_result_unfinished(handle_.get())) : Plan();
    }

    /**
     * Makes a stream of all outcomes, as a table of texts: user_id, device_id, scope_id, outcome, service_code
     * and message. What *out held before is not released. The stream outlives the report; whoever reads it
     * releases it.
     */
    void to_arrow(ArrowArrayStream *out) const {
        detail::call(koodrive_result_to_arrow, static_cast<const koodrive_result *>(handle_.get()), out);
    }

    /** What unfinished() holds, one by one: to write it down. */
    UnfinishedScopes unfinished_scopes() const & noexcept { return UnfinishedScopes(handle_.get()); }
    UnfinishedScopes unfinished_scopes() const && = delete; // Of a report that ends with the statement.
};

/**
 * Lists and deletes. Any number of threads may use a client at once. Between calls it keeps idle connections
 * and no threads: a connection is not used when it has rested for 15 seconds, and closed by the next call or
 * with the client. No call may be using it when it is destroyed.
 */
class Client {
  public:
    /**
     * Nothing is connected or sent.
     *
     * @throws Error Status::invalid_argument if the config lacks an endpoint or an authorization;
     *               Status::internal if the library that was loaded has another interface than this header.
     */
    explicit Client(const Config &config) {
        const std::uint32_t major = koodrive_abi_version() >> 16;
        if (major != KOODRIVE_ABI_VERSION_MAJOR) {
            detail::raise(Status::internal, "the koodrive library that was loaded (version " +
                                                std::string(version()) + ") has interface version " +
                                                std::to_string(major) + ", and this program needs " +
                                                std::to_string(KOODRIVE_ABI_VERSION_MAJOR));
        }
        koodrive_client *client = nullptr;
        detail::call(koodrive_client_new, config.handle_.get(), &client);
        handle_.reset(client);
    }

    /** Requests from now on carry this access token, those of runs under way included. */
    void set_access_token(std::string_view token) const {
        detail::call(koodrive_client_set_access_token, handle_.get(),
                     detail::text("access_token", token).c_str());
    }

    /** Requests from now on carry this value of the Authorization header. */
    void set_authorization(std::string_view value) const {
        detail::call(koodrive_client_set_authorization, handle_.get(),
                     detail::text("authorization", value).c_str());
    }

    /**
     * Lists the devices of the config's user. Blocks until the list is whole. Nothing is changed at the service.
     *
     * @param monitor  Cancels the call from other threads, also while a response is awaited; may be null.
     * @return The whole list, which may be empty.
     * @throws Error   There is no list. Status::invalid_argument: an argument breaks its rule, or there is no
     *                 user; nothing was sent. Status::service: the service refused the request, and
     *                 Error::service_code() says why if it does. Status::invalid_response: the answer can't be
     *                 trusted. Also Status::unauthorized, unreachable, timed_out, cancelled and internal.
     */
    [[nodiscard]] Devices list_devices(const Monitor *monitor = nullptr) const {
        return list<Devices, detail::DevicesHandle>(koodrive_client_list_devices, monitor, nullptr);
    }

    /** Lists the devices of this user; the rest is as for list_devices(). */
    [[nodiscard]] Devices list_devices_for(std::string_view user_id,
                                           const Monitor *monitor = nullptr) const {
        return list<Devices, detail::DevicesHandle>(koodrive_client_list_devices, monitor,
                                                    detail::text("user_id", user_id).c_str());
    }

    /**
     * Lists the scopes that a device of the config's user backs up. Blocks until the list is whole. Nothing is
     * changed at the service.
     *
     * @param device_id    As for Plan::add().
     * @param module_code  Which kind: module_folders, module_albums, module_address_books, or another one that
     *                     the service may have by now, of 1 to 16 visible ASCII characters. Without it all three
     *                     are listed, by one request each.
     * @param monitor      As for list_devices().
     * @return The whole list, which may be empty.
     * @throws Error       As list_devices(); Status::invalid_response also if the answer names a scope of another
     *                     module than was asked for.
     */
    [[nodiscard]] Scopes list_scopes(std::string_view device_id,
                                     std::optional<std::string_view> module_code = std::nullopt,
                                     const Monitor *monitor = nullptr) const {
        return scopes_of(nullptr, device_id, module_code, monitor);
    }

    /** Lists the scopes that a device of this user backs up; the rest is as for list_scopes(). */
    [[nodiscard]] Scopes list_scopes_for(std::string_view user_id, std::string_view device_id,
                                         std::optional<std::string_view> module_code = std::nullopt,
                                         const Monitor *monitor = nullptr) const {
        return scopes_of(detail::text("user_id", user_id).c_str(), device_id, module_code, monitor);
    }

    /** Deletes scopes of one device of the config's user: Plan::add() and delete_plan() in one call. */
    template <class Ids>
    [[nodiscard]] Report delete_scopes(std::string_view device_id, Ids &&scope_ids,
                                       const Monitor *monitor = nullptr) const {
        return delete_plan(Plan().add(device_id, scope_ids), monitor);
    }

    /** The same, as in client.delete_scopes("7", {"1", "2"}). */
    [[nodiscard]] Report delete_scopes(std::string_view device_id,
                                       std::initializer_list<std::string_view> scope_ids,
                                       const Monitor *monitor = nullptr) const {
        return delete_plan(Plan().add(device_id, scope_ids), monitor);
    }

    /**
     * Deletes what a plan holds. Blocks until every id has its outcome.
     *
     * @param plan     What to delete; if it holds nothing the report is empty.
     * @param monitor  Watches and cancels this run from other threads; may be null.
     * @return The report, if every id got its outcome from a response that reports success, or repeats an
     *         id before it. Single ids may still have failed: Report::failures().
     * @throws Error   The run is incomplete; Error::report() says of each id what is known. With
     *                 Status::invalid_argument it was refused before it began: there is no report.
     */
    [[nodiscard]] Report delete_plan(const Plan &plan, const Monitor *monitor = nullptr) const {
        return carry_out(monitor, [&](const koodrive_monitor *watch, koodrive_result **result,
                                      koodrive_error **error) {
            return koodrive_client_delete_plan(handle_.get(), plan.handle_.get(), watch, result, error);
        });
    }

    /**
     * The same, and writes down what it does in a file: the same call with the same plan and file takes up a
     * run that ended in any way, also by kill or loss of power, and returns the report of the whole plan.
     * koodrive_client_delete_plan_journaled() says how, and which files are refused.
     *
     * @param journal  The file; it is made if it is not there.
     * @throws Error   As above; with Status::invalid_argument also if the file can't be used, and with
     *                 Status::journal if it can't be written any more: nothing more was sent.
     */
    [[nodiscard]] Report delete_plan_journaled(const Plan &plan, std::string_view journal,
                                               const Monitor *monitor = nullptr) const {
        const std::string path = detail::text("journal_path", journal);
        return carry_out(monitor, [&](const koodrive_monitor *watch, koodrive_result **result,
                                      koodrive_error **error) {
            return koodrive_client_delete_plan_journaled(handle_.get(), plan.handle_.get(), path.c_str(),
                                                         watch, result, error);
        });
    }

  private:
    /** NULL for none. */
    static const koodrive_monitor *handle_of(const Monitor *monitor) {
        if (monitor != nullptr && monitor->handle_ == nullptr) {
            detail::raise(Status::invalid_argument, "monitor: was moved from");
        }
        return monitor ? monitor->handle_.get() : nullptr;
    }

    /** One call of the C interface that lists. */
    template <class List, class Handle, class Function, class... Arguments>
    List list(Function *function, const Monitor *monitor, Arguments... arguments) const {
        typename Handle::pointer rows = nullptr;
        detail::call(function, handle_.get(), arguments..., handle_of(monitor), &rows);
        return List(Handle(rows));
    }

    /** The scopes of a device of a user; NULL means the config's. */
    Scopes scopes_of(const char *user_id, std::string_view device_id,
                     std::optional<std::string_view> module_code, const Monitor *monitor) const {
        const std::string code = detail::text("module_code", module_code.value_or(""));
        return list<Scopes, detail::ScopesHandle>(koodrive_client_list_scopes, monitor, user_id,
                                                  detail::text("device_id", device_id).c_str(),
                                                  module_code ? code.c_str() : nullptr);
    }

    /** One call of the C interface that deletes, and what it came to. */
    template <class Call> static Report carry_out(const Monitor *monitor, Call &&call) {
        koodrive_result *result = nullptr;
        koodrive_error *error = nullptr;
        const koodrive_status status = call(handle_of(monitor), &result, &error);
        detail::ErrorHandle reason(error);
        detail::ResultHandle owned(result);
        if (status != KOODRIVE_OK) {
            detail::raise(status, std::move(reason),
                          owned ? std::make_shared<const Report>(std::move(owned)) : nullptr);
        }
        return Report(std::move(owned));
    }

    detail::ClientHandle handle_;
};

} // namespace koodrive

#ifdef __cpp_lib_ranges
template <> inline constexpr bool std::ranges::enable_borrowed_range<koodrive::Failures> = true;
#endif

#endif /* KOODRIVE_HPP */
