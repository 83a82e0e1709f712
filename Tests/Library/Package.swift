// swift-tools-version: 6.2
import PackageDescription

// An application as one writes it: it imports Curfew as any other package, and sees nothing but its public interface.
let package = Package(
    name: "shop",
    dependencies: [
        .package(name: "curfew", path: "../.."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .target(
            name: "Shop",
            dependencies: [
                .product(name: "Curfew", package: "curfew"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .executableTarget(
            name: "ShopServer",
            dependencies: [
                "Shop", .product(name: "Curfew", package: "curfew"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .executableTarget(name: "CleanUpJobs", dependencies: [.product(name: "Curfew", package: "curfew")]),
        .executableTarget(name: "Followers", dependencies: [.product(name: "Curfew", package: "curfew")]),
        .testTarget(
            name: "ShopTests",
            dependencies: [
                "Shop", .product(name: "Curfew", package: "curfew"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
    ]
)
