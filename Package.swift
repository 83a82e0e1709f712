// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "curfew",
    products: [
        .executable(name: "curfew", targets: ["CurfewProgram"]),
        .library(name: "Curfew", targets: ["Curfew"]),
        .library(name: "CurfewCLI", targets: ["CurfewCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-algorithms", from: "1.2.1"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.3"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CHiredisSystem",
            path: "Sources/CHiredis/System",
            pkgConfig: "hiredis",
            providers: [.apt(["libhiredis-dev"])]
        ),
        .target(name: "CHiredis", dependencies: ["CHiredisSystem"], exclude: ["System"]),
        // Deploy/build says which commit it builds; no other build knows.
        .target(
            name: "CBuild",
            path: "Sources/CurfewCLI/Build",
            cSettings: Context.environment["CURFEW_COMMIT"].map { [.define("CURFEW_COMMIT", to: "\"\($0)\"")] } ?? []),
        .target(
            name: "RedisClient",
            dependencies: [
                "CHiredis",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(name: "Policies", swiftSettings: settings),
        .target(
            name: "Curfew",
            dependencies: [
                "Policies", "RedisClient",
                .product(name: "Algorithms", package: "swift-algorithms"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "Yams", package: "Yams"),
            ],
            resources: [
                .embedInCode("Functions/Lua/head.lua"), .embedInCode("Functions/Lua/lease.lua"),
                .embedInCode("Functions/Lua/tick.lua"),
                .embedInCode("Functions/Lua/scan.lua"), .embedInCode("Functions/Lua/statement.lua"),
                .embedInCode("Functions/Lua/commit.lua"), .embedInCode("Functions/Lua/parts.lua"),
                .embedInCode("Functions/Lua/register.lua"), .embedInCode("Functions/Lua/script.lua"),
                .embedInCode("Functions/Lua/overview.lua"), .embedInCode("Configuration/Presets/rq.yaml"),
                .embedInCode("Configuration/Presets/bullmq.yaml"), .embedInCode("Configuration/Presets/celery.yaml"),
                .embedInCode("Configuration/Presets/sidekiq.yaml"), .embedInCode("Configuration/Presets/asynq.yaml"),
                .embedInCode("Configuration/Presets/saq.yaml"), .embedInCode("Configuration/Presets/arq.yaml"),
                .embedInCode("Configuration/Presets/dramatiq.yaml"),
                .embedInCode("Configuration/Presets/resque.yaml"),
                .embedInCode("Configuration/Presets/laravel.yaml"),
                .embedInCode("Configuration/schema.json"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Admin",
            dependencies: [
                "Curfew", "Policies", "RedisClient",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            resources: [
                .embedInCode("Routes/openapi.json"), .embedInCode("Dashboard/dashboard.css"),
                .embedInCode("Dashboard/dashboard.js"), .embedInCode("Dashboard/icon.svg"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "CurfewCLI",
            dependencies: [
                "Admin", "CBuild", "Curfew", "Policies", "RedisClient",
                .product(name: "Algorithms", package: "swift-algorithms"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            exclude: ["Build", "Program"],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "CurfewProgram",
            dependencies: ["CurfewCLI"],
            path: "Sources/CurfewCLI/Program",
            swiftSettings: settings
        ),
        .target(name: "TestNeeds", path: "Tests/TestNeeds", swiftSettings: settings),
        .target(
            name: "TestSupport",
            dependencies: [
                "Curfew", "Policies", "RedisClient",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "Tests/TestSupport",
            exclude: ["moved_clock.c"],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "CrashMatrix",
            dependencies: [
                "Curfew", "RedisClient", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/CrashMatrix",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "BenchHello",
            dependencies: [
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Bench/Hello",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "BenchPolicy", dependencies: ["Curfew", "CurfewCLI"], path: "Bench/Policy", swiftSettings: settings),
        // The example package of the article “A policy of your own”, built here too, so that each test checks it.
        .executableTarget(
            name: "CartCleanerExample", dependencies: ["Curfew", "CurfewCLI"],
            path: "Tests/CartCleaner/Sources/CartCleaner", swiftSettings: settings),
        .testTarget(
            name: "RedisClientTests",
            dependencies: [
                "CHiredis", "RedisClient", "TestNeeds", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "PoliciesTests", dependencies: ["Policies", "TestNeeds", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "CurfewTests",
            dependencies: [
                "Curfew", "Policies", "RedisClient", "TestNeeds", "TestSupport",
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
                .product(name: "Yams", package: "Yams"),
            ],
            exclude: ["Functions/curfew_8.lua"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "AdminTests",
            dependencies: [
                "Admin", "Curfew", "Policies", "RedisClient", "TestNeeds", "TestSupport",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "Curfew", "CurfewCLI", "Policies", "RedisClient", "TestNeeds", "TestSupport",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            exclude: ["Help"],
            swiftSettings: settings
        ),
    ]
)
