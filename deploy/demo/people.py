"""Synthetic Vietnamese people, each a pure function of (seed, number): nobody here exists.

Surnames follow published frequencies; all other lists are short and written for this project. The same number gives the same
person wherever it is asked for, which is how two universities come to hold one person, and what lets a running demo admit
new people without remembering the old ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Literal

SURNAMES: dict[str, float] = {
    "Nguyễn": 31.0, "Trần": 10.0, "Lê": 9.0, "Phạm": 7.0, "Hoàng": 3.5, "Phan": 4.5, "Vũ": 3.0, "Võ": 2.4, "Huỳnh": 2.2,
    "Đặng": 2.1, "Bùi": 2.0, "Đỗ": 1.4, "Hồ": 1.3, "Ngô": 1.3, "Dương": 1.0, "Lý": 0.8, "Đinh": 0.8, "Trịnh": 0.8, "Mai": 0.7,
    "Đào": 0.7, "Đoàn": 0.6, "Lương": 0.6, "Trương": 0.9, "Cao": 0.5, "Hà": 0.5, "Tạ": 0.4, "Lâm": 0.5, "Thái": 0.4, "Tô": 0.3,
    "Chu": 0.4, "Quách": 0.2, "Kiều": 0.2, "Nông": 0.2, "Vi": 0.2, "Lò": 0.2, "Hứa": 0.2, "La": 0.2, "Triệu": 0.2,
    "Phùng": 1.0, "Vương": 0.9, "Lưu": 1.0, "Châu": 0.8, "Tống": 0.7, "Kim": 0.6, "Thạch": 0.5, "Giang": 0.4, "Từ": 0.4,
    "Tăng": 0.4, "Bạch": 0.4, "Nghiêm": 0.3, "Khúc": 0.3, "Doãn": 0.3, "Mạc": 0.3, "Hàn": 0.2, "Ông": 0.2, "Quan": 0.2,
}  # fmt: skip
"""Surname → share in per cent, nearly."""

MIDDLE_MALE = [
    "Văn",
    "Hữu",
    "Đức",
    "Quang",
    "Minh",
    "Đình",
    "Công",
    "Xuân",
    "Quốc",
    "Thanh",
    "Ngọc",
    "Duy",
    "Trọng",
    "Anh",
    "Tuấn",
    "Hoàng",
    "Gia",
    "Bá",
    "Thế",
    "Viết",
]
MIDDLE_FEMALE = [
    "Thị",
    "Thị",
    "Thị",
    "Ngọc",
    "Thu",
    "Thanh",
    "Minh",
    "Phương",
    "Thùy",
    "Bích",
    "Hồng",
    "Kim",
    "Khánh",
    "Diệu",
    "Quỳnh",
    "Mai",
    "Hoài",
    "Như",
    "Bảo",
    "Tú",
]
GIVEN_MALE = [
    "An",
    "Anh",
    "Bảo",
    "Bình",
    "Chiến",
    "Cường",
    "Dũng",
    "Duy",
    "Dương",
    "Đạt",
    "Điệp",
    "Đức",
    "Giang",
    "Hải",
    "Hào",
    "Hiếu",
    "Hiệp",
    "Hòa",
    "Hoàng",
    "Hùng",
    "Huy",
    "Hưng",
    "Khải",
    "Khang",
    "Khánh",
    "Khoa",
    "Kiên",
    "Lâm",
    "Linh",
    "Long",
    "Lộc",
    "Mạnh",
    "Minh",
    "Nam",
    "Nghĩa",
    "Nguyên",
    "Nhân",
    "Phong",
    "Phú",
    "Phúc",
    "Quân",
    "Quang",
    "Quý",
    "Sơn",
    "Tài",
    "Tâm",
    "Tân",
    "Thái",
    "Thắng",
    "Thành",
    "Thịnh",
    "Thọ",
    "Thuận",
    "Tiến",
    "Toàn",
    "Trí",
    "Trung",
    "Trường",
    "Tú",
    "Tuấn",
    "Tùng",
    "Việt",
    "Vinh",
    "Vũ",
]
GIVEN_FEMALE = [
    "An",
    "Anh",
    "Ánh",
    "Bích",
    "Châu",
    "Chi",
    "Cúc",
    "Diễm",
    "Diệp",
    "Dung",
    "Duyên",
    "Đào",
    "Giang",
    "Hà",
    "Hạnh",
    "Hằng",
    "Hiền",
    "Hoa",
    "Hòa",
    "Hoài",
    "Hồng",
    "Huệ",
    "Huyền",
    "Hương",
    "Khánh",
    "Lan",
    "Liên",
    "Linh",
    "Loan",
    "Ly",
    "Mai",
    "Minh",
    "My",
    "Mỹ",
    "Nga",
    "Ngân",
    "Ngọc",
    "Nguyệt",
    "Nhi",
    "Nhung",
    "Như",
    "Oanh",
    "Phương",
    "Quyên",
    "Quỳnh",
    "Tâm",
    "Thảo",
    "Thanh",
    "Thơ",
    "Thu",
    "Thúy",
    "Thùy",
    "Thủy",
    "Thư",
    "Thương",
    "Tiên",
    "Trang",
    "Trâm",
    "Trinh",
    "Tú",
    "Tuyết",
    "Uyên",
    "Vân",
    "Vi",
    "Yến",
]

OLD_PROVINCES: dict[str, str] = {
    "01": "Hà Nội", "02": "Hà Giang", "04": "Cao Bằng", "06": "Bắc Kạn", "08": "Tuyên Quang", "10": "Lào Cai", "11": "Điện Biên",
    "12": "Lai Châu", "14": "Sơn La", "15": "Yên Bái", "17": "Hòa Bình", "19": "Thái Nguyên", "20": "Lạng Sơn", "22": "Quảng Ninh",
    "24": "Bắc Giang", "25": "Phú Thọ", "26": "Vĩnh Phúc", "27": "Bắc Ninh", "30": "Hải Dương", "31": "Hải Phòng", "33": "Hưng Yên",
    "34": "Thái Bình", "35": "Hà Nam", "36": "Nam Định", "37": "Ninh Bình", "38": "Thanh Hóa", "40": "Nghệ An", "42": "Hà Tĩnh",
    "44": "Quảng Bình", "45": "Quảng Trị", "46": "Thừa Thiên Huế", "48": "Đà Nẵng", "49": "Quảng Nam", "51": "Quảng Ngãi",
    "52": "Bình Định", "54": "Phú Yên", "56": "Khánh Hòa", "58": "Ninh Thuận", "60": "Bình Thuận", "62": "Kon Tum", "64": "Gia Lai",
    "66": "Đắk Lắk", "67": "Đắk Nông", "68": "Lâm Đồng", "70": "Bình Phước", "72": "Tây Ninh", "74": "Bình Dương", "75": "Đồng Nai",
    "77": "Bà Rịa - Vũng Tàu", "79": "Hồ Chí Minh", "80": "Long An", "82": "Tiền Giang", "83": "Bến Tre", "84": "Trà Vinh",
    "86": "Vĩnh Long", "87": "Đồng Tháp", "89": "An Giang", "91": "Kiên Giang", "92": "Cần Thơ", "93": "Hậu Giang", "94": "Sóc Trăng",
    "95": "Bạc Liêu", "96": "Cà Mau",
}  # fmt: skip
"""The 63 provinces until 30 June 2025; a citizen number begins with 0 and one of them for ever."""

STREETS = [
    "Lê Lợi",
    "Trần Hưng Đạo",
    "Hai Bà Trưng",
    "Quang Trung",
    "Nguyễn Trãi",
    "Lý Thường Kiệt",
    "Phan Chu Trinh",
    "Ngô Quyền",
]
COMMUNES = [
    "xã Tân Bình",
    "phường Trung Tâm",
    "xã Hòa Thuận",
    "phường An Phú",
    "xã Đông Sơn",
    "phường Tây Lộc",
    "xã Long Thành",
]

Generation = Literal["learner", "staff"]
_YEARS: dict[Generation, tuple[int, int]] = {"learner": (1998, 2005), "staff": (1962, 1996)}


@dataclass(frozen=True, slots=True)
class Person:
    """The truth about one synthetic person; dates are ISO 8601."""

    number: int
    surname: str
    middle: str
    given: str
    sex: Literal["M", "F"]
    birth_date: str
    birth_province: str
    ethnicity: str
    nationality: str
    citizen_number: str | None
    passport: str | None
    phone: str
    email: str
    house: str
    commune: str
    province: str

    @property
    def full_name(self) -> str:
        return f"{self.surname} {self.middle} {self.given}"


class Population:
    """People under one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._surnames = list(SURNAMES)
        self._shares = list(accumulate(SURNAMES.values()))
        self._provinces = list(OLD_PROVINCES)

    def random(self, *place: object) -> Random:
        """A source of randomness for one purpose, independent of all others and of the order of calls."""
        return Random(":".join(map(str, (self._seed, *place))))

    def person(self, number: int, generation: Generation) -> Person:
        """The person with this number. A number belongs to one generation; asking for the other gives someone else."""
        r = self.random("person", generation, number)
        male = r.random() < 0.48
        first, last = _YEARS[generation]
        year, month, day = r.randint(first, last), r.randint(1, 12), r.randint(1, 28)
        province = r.choice(self._provinces)
        foreign = r.random() < 0.004
        century_and_sex = (0 if year < 2000 else 2) + (0 if male else 1)
        draw = r.random()
        return Person(
            number=number,
            surname=r.choices(self._surnames, cum_weights=self._shares)[0],
            middle=r.choice(MIDDLE_MALE if male else MIDDLE_FEMALE),
            given=r.choice(GIVEN_MALE if male else GIVEN_FEMALE),
            sex="M" if male else "F",
            birth_date=f"{year}-{month:02}-{day:02}",
            birth_province=province,
            ethnicity="55" if foreign else "01" if draw < 0.86 else f"{r.randint(2, 54):02}",
            nationality="LA" if foreign else "VN",
            citizen_number=None if foreign else f"0{province}{century_and_sex}{year % 100:02}{r.randrange(10**6):06}",
            passport=f"P{r.randrange(10**7):07}" if foreign else None,
            phone=f"09{r.randrange(10**8):08}",
            email=f"nguoi{number}@example.edu.vn",
            house=f"{r.randint(1, 399)} {r.choice(STREETS)}",
            commune=r.choice(COMMUNES),
            province=province if r.random() < 0.7 else r.choice(self._provinces),
        )
