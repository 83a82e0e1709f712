import CurfewCLI

await CurfewCommand.main()
