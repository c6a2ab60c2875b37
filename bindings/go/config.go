package koodrive

/*
#include <koodrive.h>

// Go can't call through C's function pointers itself.
typedef koodrive_status (*set_text)(koodrive_config *, const char *, koodrive_error **);
typedef koodrive_status (*set_time)(koodrive_config *, uint64_t, koodrive_error **);
typedef koodrive_status (*set_limit)(koodrive_config *, uint32_t, koodrive_error **);

static koodrive_status call_set_text(set_text set, koodrive_config *config, const char *value,
                                     koodrive_error **error) {
    return set(config, value, error);
}

static koodrive_status call_set_time(set_time set, koodrive_config *config, uint64_t value,
                                     koodrive_error **error) {
    return set(config, value, error);
}

static koodrive_status call_set_limit(set_limit set, koodrive_config *config, uint32_t value,
                                      koodrive_error **error) {
    return set(config, value, error);
}
*/
import "C"

import (
	"fmt"
	"math"
	"time"
)

// A Config is what a [Client] is built from. An endpoint and one authorization are needed: AccessToken,
// Authorization, or AppID with AppSecret. What is zero has its default. Formatted, also by log/slog, it
// shows no secret.
type Config struct {
	// Endpoint is the service's address, https://host or https://host:port. Plain http is accepted
	// for loopback addresses and localhost only.
	Endpoint string
	// UserID is the user whose devices are meant where none is named.
	UserID string

	// AccessToken authorizes with "Authorization: Bearer <token>".
	AccessToken string
	// Authorization is the value of the Authorization header, sent as it is.
	Authorization string
	// AppID and AppSecret authorize as an application, which signs every request.
	AppID, AppSecret string

	// CAFile is a PEM file of the certificates to trust instead of the platform's.
	CAFile string
	// Proxy is an HTTP proxy, http://[user:password@]host[:port]. The environment's proxy variables
	// are not read.
	Proxy string

	// ConnectTimeout is how long name look-up, TCP, proxy and TLS may take together. Default 10 s.
	// All times are rounded up to whole milliseconds.
	ConnectTimeout time.Duration
	// RequestTimeout is how long one request may take from its first byte sent to its whole response.
	// Default 30 s.
	RequestTimeout time.Duration
	// RunTimeout is after how long a run starts nothing new. Default: never.
	RunTimeout time.Duration
	// MaxOutage is how long a run waits for a service that worked and is down. Negative: not at all.
	// Default 60 s.
	MaxOutage time.Duration

	// MaxAttempts is how often a request is tried in all, up to 100. Default 4.
	MaxAttempts int
	// MaxConnections is how many connections each run uses at most, up to 1024. Default 4.
	MaxConnections int
	// MaxRequestsPerSecond limits what all runs of a client send together. Default: no limit.
	MaxRequestsPerSecond int

	fromEnv bool
}

// ConfigFromEnv returns a Config for which [NewClient] takes what is zero from the environment:
// KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, KOODRIVE_ACCESS_TOKEN, KOODRIVE_AUTHORIZATION, KOODRIVE_APP_ID
// with KOODRIVE_APP_SECRET, KOODRIVE_CA_FILE, KOODRIVE_PROXY, KOODRIVE_CONNECT_TIMEOUT_MS,
// KOODRIVE_REQUEST_TIMEOUT_MS, KOODRIVE_RUN_TIMEOUT_MS, KOODRIVE_MAX_OUTAGE_MS,
// KOODRIVE_MAX_ATTEMPTS, KOODRIVE_MAX_CONNECTIONS and KOODRIVE_MAX_REQUESTS_PER_SECOND. Nothing may change
// the environment while NewClient reads it.
func ConfigFromEnv() Config {
	return Config{fromEnv: true}
}

// Format writes the config with "***" for what is secret.
func (c Config) Format(state fmt.State, verb rune) {
	type plain Config
	for _, secret := range []*string{&c.AccessToken, &c.Authorization, &c.AppSecret, &c.Proxy} {
		if *secret != "" {
			*secret = "***"
		}
	}
	fmt.Fprintf(state, fmt.FormatString(state, verb), plain(c))
}

// MarshalText is for encoders that would write the fields as they are, secrets included.
func (c Config) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%+v", c), nil
}

// fill hands the settings to the library, which checks them.
func (c Config) fill(config *C.koodrive_config) error {
	if c.fromEnv {
		var failure *C.koodrive_error
		if err := toGo(C.koodrive_config_load_env(config, &failure), &failure); err != nil {
			return err
		}
	}
	if err := c.fillTexts(config); err != nil {
		return err
	}
	if err := c.fillAuthorization(config); err != nil {
		return err
	}
	if err := c.fillTimes(config); err != nil {
		return err
	}
	return c.fillLimits(config)
}

func (c Config) fillTexts(config *C.koodrive_config) error {
	for _, setting := range []struct {
		name, value string
		set         C.set_text
	}{
		{"endpoint", c.Endpoint, C.set_text(C.koodrive_config_set_endpoint)},
		{"user_id", c.UserID, C.set_text(C.koodrive_config_set_user_id)},
		{"access_token", c.AccessToken, C.set_text(C.koodrive_config_set_access_token)},
		{"authorization", c.Authorization, C.set_text(C.koodrive_config_set_authorization)},
		{"ca_file", c.CAFile, C.set_text(C.koodrive_config_set_ca_file)},
		{"proxy", c.Proxy, C.set_text(C.koodrive_config_set_proxy)},
	} {
		if setting.value == "" {
			continue
		}
		value, err := cText(setting.name, setting.value)
		if err != nil {
			return err
		}
		var failure *C.koodrive_error
		if err := toGo(C.call_set_text(setting.set, config, value, &failure), &failure); err != nil {
			return err
		}
	}
	return nil
}

// fillAuthorization sets what is made of two texts, and refuses what the library could not know of:
// fields, unlike calls, have no last one.
func (c Config) fillAuthorization(config *C.koodrive_config) error {
	isApp := c.AppID != "" || c.AppSecret != ""
	if (c.AccessToken != "" && c.Authorization != "") || (isApp && c.AccessToken+c.Authorization != "") {
		return invalid("config: AccessToken, Authorization and AppID with AppSecret exclude each other")
	}
	if !isApp {
		return nil
	}
	id, err := cText("app_id", c.AppID)
	if err != nil {
		return err
	}
	secret, err := cText("app_secret", c.AppSecret)
	if err != nil {
		return err
	}
	var failure *C.koodrive_error
	return toGo(C.koodrive_config_set_app_credentials(config, id, secret, &failure), &failure)
}

func (c Config) fillTimes(config *C.koodrive_config) error {
	for _, setting := range []struct {
		name  string
		value time.Duration
		set   C.set_time
	}{
		{"ConnectTimeout", c.ConnectTimeout, C.set_time(C.koodrive_config_set_connect_timeout_ms)},
		{"RequestTimeout", c.RequestTimeout, C.set_time(C.koodrive_config_set_request_timeout_ms)},
		{"RunTimeout", c.RunTimeout, C.set_time(C.koodrive_config_set_run_timeout_ms)},
		{"MaxOutage", c.MaxOutage, C.set_time(C.koodrive_config_set_max_outage_ms)},
	} {
		if setting.value == 0 {
			continue
		}
		milliseconds := (setting.value-1)/time.Millisecond + 1
		if setting.value < 0 {
			if setting.name != "MaxOutage" {
				return invalid("config: %s must not be negative", setting.name)
			}
			milliseconds = 0
		}
		var failure *C.koodrive_error
		if err := toGo(C.call_set_time(setting.set, config, C.uint64_t(milliseconds), &failure), &failure); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) fillLimits(config *C.koodrive_config) error {
	for _, setting := range []struct {
		name  string
		value int
		set   C.set_limit
	}{
		{"MaxAttempts", c.MaxAttempts, C.set_limit(C.koodrive_config_set_max_attempts)},
		{"MaxConnections", c.MaxConnections, C.set_limit(C.koodrive_config_set_max_connections)},
		{"MaxRequestsPerSecond", c.MaxRequestsPerSecond, C.set_limit(C.koodrive_config_set_max_requests_per_second)},
	} {
		if setting.value == 0 {
			continue
		}
		if setting.value < 0 || uint64(setting.value) > math.MaxUint32 {
			return invalid("config: %s must be 0 to %d", setting.name, uint32(math.MaxUint32))
		}
		var failure *C.koodrive_error
		if err := toGo(C.call_set_limit(setting.set, config, C.uint32_t(setting.value), &failure), &failure); err != nil {
			return err
		}
	}
	return nil
}
