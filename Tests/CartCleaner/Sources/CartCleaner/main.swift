import CurfewCLI

// The whole program: everything that `curfew` can do, and a policy more.
await CurfewCommand.main(policies: [AbandonedCart.self])
