// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "cart-cleaner",
    dependencies: [
        // In a program of your own: .package(url: …, from: …)
        .package(name: "curfew", path: "../..")
    ],
    targets: [
        .executableTarget(
            name: "CartCleaner",
            dependencies: [
                .product(name: "Curfew", package: "curfew"),
                .product(name: "CurfewCLI", package: "curfew"),
            ]
        ),
        .testTarget(name: "CartCleanerTests", dependencies: ["CartCleaner"]),
    ]
)
