/// A day of the Gregorian calendar without a time zone, as a number of days since 1970-01-01.
struct CivilDay: Equatable, Sendable {
    /// Days since 1970-01-01.
    let number: Int
    let year: Int
    let month: Int
    let day: Int

    /// 0 for Sunday.
    var weekday: Int { ((number % 7) + 11) % 7 }

    /// The day of this number.
    ///
    /// Years are counted from 1 March, so that the leap day is a year's last day, in eras of 400 years, which all have the
    /// same length; the months from March on then begin at ⌊(153 m + 2) / 5⌋.
    init(number: Int) {
        self.number = number
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }
}
