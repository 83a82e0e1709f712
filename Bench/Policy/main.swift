import CurfewCLI

await CurfewCommand.main(policies: [LateJob.self])
