import Curfew
import Hummingbird
import Logging
import ServiceLifecycle
import Shop

let logger = Logger(label: "shop")
let configuration = ShopCleanups.configuration(redis: "redis://127.0.0.1:6379/0")
let worker = try CurfewWorker(configuration, logger: logger)
let curfew = try CurfewClient(configuration, logger: logger)
let shop = Shop(redis: ShopRedis(port: 6379), curfew: curfew)
let server = Application(router: shop.router, configuration: .init(address: .hostname("127.0.0.1", port: 8080)))
let group = ServiceGroup(
    configuration: .init(
        services: [
            .init(service: worker),
            .init(service: server, successTerminationBehavior: .gracefullyShutdownGroup),
        ],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
try await group.run()
await curfew.close()
