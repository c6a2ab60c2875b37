/* Lists a user's devices, and deletes the albums of those that are named, after a question. Where the service is
 * and who asks comes from the environment: KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, KOODRIVE_ACCESS_TOKEN. */
#include <koodrive.hpp>

#include <iostream>
#include <string>

static void delete_albums(const koodrive::Client &client, std::string_view device) {
    const koodrive::Scopes albums = client.list_scopes(device, koodrive::module_albums);
    for (const koodrive::Scope scope : albums) {
        std::cout << "album " << scope.scope_id() << ": " << scope.local_path().value_or("") << '\n';
    }
    std::cout << "Delete " << albums.size() << " albums? [y/N]\n";
    if (std::string answer; std::getline(std::cin, answer) && answer == "y") {
        koodrive::Plan plan;
        plan.add_scopes(albums);
        const koodrive::Report report = client.delete_plan(plan);
        for (const koodrive::ScopeOutcome scope : report) {
            std::cout << name(scope.outcome()) << '\n';
        }
    }
    std::cout << client.list_scopes(device, koodrive::module_albums).size() << " albums are left\n";
}

int main(int argc, char **argv) {
    try {
        const koodrive::Client client(koodrive::Config::from_env());
        const koodrive::Devices devices = client.list_devices();
        for (const koodrive::Device device : devices) {
            std::cout << "device " << device.device_id() << ": " << device.name().value_or("") << '\n';
        }
        for (int i = 1; i < argc; i++) {
            delete_albums(client, argv[i]);
        }
        return 0;
    } catch (const koodrive::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
