//! Currencies: the codes of ISO 4217 that money is counted in (design §12).

/// The codes in use, in order. Codes for precious metals, testing and bonds are left out: nobody bills in them.
const CODES: &str = "\
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLF CLP CNY \
COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR \
IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR \
MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD \
SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD \
XCG XOF XPF YER ZAR ZMW ZWG";

/// Whether a text is such a code, in capital letters.
#[must_use]
pub fn is_known(code: &str) -> bool {
    CODES.split(' ').any(|known| known == code)
}

/// Every code, in order.
pub fn all() -> impl Iterator<Item = &'static str> {
    CODES.split(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_three_capital_letters_each_once_and_in_order() {
        assert!(all().all(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())));
        assert!(all().zip(all().skip(1)).all(|(one, next)| one < next));
    }

    #[test]
    fn only_codes_are_known() {
        for (code, known) in [("USD", true), ("KWD", true), ("usd", false), ("USX", false), ("US", false), ("", false)]
        {
            assert_eq!(is_known(code), known, "{code}");
        }
        assert!(!is_known("USD UYU"));
    }
}
