-- University 3: home-made. One wide table per thing, everything is text, dates as dd/mm/yyyy, names in capitals.
create table "Truong" (
    "MaTruong" text primary key, "TenTruong" text, "Loai" text, "TinhTrang" text, "SoQD" text, "NgayQD" text, "MaXa" text,
    "Tinh" text
);
create table "ChuongTrinh" (
    "MaCT" text primary key, "TenCT" text, "MaNganh" text, "TrinhDo" text, "He" text, "ThoiGian" text, "Khoa" text,
    "TinhTrang" text
);
create table "SinhVien" (
    "MaSV" text primary key, "HoTen" text, "NgaySinh" text, "GioiTinh" text, "DanToc" text, "QuocTich" text, "CCCD" text,
    "LoaiGiayTo" text, "SoGiayTo" text, "NoiSinh" text, "DiaChi" text, "Xa" text, "Tinh" text, "MaXa" text, "NgayDiaChi" text,
    "Email" text, "DienThoai" text, "DoiTuong" text, "MaCT" text, "NgayNhapHoc" text, "SoQDNhapHoc" text, "He" text,
    "Khoa" text, "NamThu" text, "TrangThai" text, "NgayTrangThai" text, "NganhChinh" text
);
create table "CanBo" (
    "MaCB" text primary key, "HoTen" text, "NgaySinh" text, "GioiTinh" text, "DanToc" text, "QuocTich" text, "CCCD" text,
    "NoiSinh" text, "DiaChi" text, "LoaiHD" text, "TuNgay" text, "DenNgay" text, "ToanThoiGian" text, "ChucDanh" text,
    "HocVi" text, "TinhTrang" text
);
