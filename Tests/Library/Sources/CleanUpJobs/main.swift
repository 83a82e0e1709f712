import Curfew

let result = try await CurfewClient.withClient(.file("curfew.yaml")) { curfew in
    try await curfew.cleanupStuckJobs(timeout: .seconds(600), limit: 50, dryRun: true)
}
print("Cleaned up \(result.cleanedUp) jobs, refunded \(result.tokensRefunded) tokens")
