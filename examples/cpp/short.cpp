/* Deletes two scopes of one device. Where the service is and who asks comes from the environment:
 * KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, KOODRIVE_ACCESS_TOKEN. */
#include <koodrive.hpp>

#include <iostream>

static void print(const koodrive::Report &report) {
    for (const koodrive::ScopeOutcome scope : report) {
        std::cout << scope.scope_id() << ": " << name(scope.outcome()) << '\n';
    }
}

int main() {
    try {
        const koodrive::Client client(koodrive::Config::from_env());
        print(client.delete_scopes("1842812272691451648", {"1842846715527000000", "345"}));
        return 0;
    } catch (const koodrive::Error &error) {
        if (error.report()) { // the run is incomplete
            print(*error.report());
        }
        std::cerr << error.what() << '\n';
        return 1;
    }
}
