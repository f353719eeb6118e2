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
create table "DonVi" (
    "MaDV" text primary key, "TenDV" text, "DVCapTren" text, "LoaiDV" text, "TinhTrang" text
);
create table "NganhDuocMo" (
    "MaNganh" text, "TrinhDo" text, "TenNganh" text, "SoQD" text, "NgayQD" text, "NamTuyenSinh" text, "TinhTrang" text,
    primary key ("MaNganh", "TrinhDo")
);
create table "QuyetDinh" (
    "STT" text primary key, "LoaiQD" text, "SoQD" text, "NgayQD" text, "NgayHieuLuc" text, "MaSV" text, "HoTen" text,
    "TruongKhac" text, "LyDo" text
);
create table "VanBang" (
    "MaVB" text primary key, "MaSV" text, "HocTheo" text, "HoTen" text, "NgaySinh" text, "LoaiBang" text, "TrinhDo" text,
    "MaNganh" text, "XepLoai" text, "SoHieu" text, "SoVaoSo" text, "NamVaoSo" text, "NgayCap" text, "SoQDTN" text,
    "NgayQDTN" text, "NguoiKy" text, "TinhTrang" text, "SoQDTinhTrang" text, "NgayQDTinhTrang" text
);
create table "DinhChinh" (
    "MaVB" text, "SoQD" text, "NgayQD" text, "LyDo" text, "HoTenMoi" text, "NgaySinhMoi" text, "GioiTinhMoi" text,
    "NoiSinhMoi" text, primary key ("MaVB", "SoQD")
);
create table "VanBangCanBo" (
    "MaVB" text primary key, "MaCB" text, "HoTen" text, "NgaySinh" text, "LoaiBang" text, "TrinhDo" text, "MaNganh" text,
    "SoHieu" text, "SoVaoSo" text, "NamVaoSo" text, "NgayCap" text, "NguoiKy" text, "TinhTrang" text
);
create table "PhanCong" (
    "MaPC" text primary key, "MaCB" text, "HoTen" text, "TrinhDo" text, "MaNganh" text, "TuNgay" text, "DenNgay" text,
    "ChuTri" text, "ThinhGiang" text, "TruongGoc" text
);
create index on "QuyetDinh" ("MaSV");
create index on "VanBang" ("MaSV");
create index on "VanBang" ("HocTheo");
