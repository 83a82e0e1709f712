extension CurfewConfiguration.Rule {
    /// A policy of the program's own, which ``CurfewConfiguration/policies`` must have too.
    ///
    /// - Parameters:
    ///   - policy: its type.
    ///   - settings: the keys that the policy reads.
    public static func own(
        _ policy: any Policy.Type, _ settings: [String: CurfewConfiguration.Setting] = [:]
    ) -> CurfewConfiguration.Rule {
        var keys = SettingKeys()
        keys.add(settings)
        return .init(name: policy.name, settings: keys.entries)
    }
}
